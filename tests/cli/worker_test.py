# SPDX-License-Identifier: BSD-3-Clause
"""gman worker: any program as a worker, whatever happens to it, its servers and its jobs."""
import os
import pathlib
import signal
import tempfile
import unittest

from gman_command import DOWN, GmanWorker, gman
from gmand import Gmand
from patience import wait_until
from wire import OPTION_REQ, SUBMIT_JOB_BG, WORK_EXCEPTION, WORK_FAIL, Peer


def is_alive(pid):
    """Whether a process runs; a zombie, which nobody has reaped yet, does not."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


class Hold:
    """A program that tells that it runs and then waits to be told what to print."""

    def __init__(self, directory, name="hold"):
        self.fifo = os.path.join(directory, name + ".fifo")
        self.started = os.path.join(directory, name + ".started")
        for path in (self.fifo, self.started):
            os.mkfifo(path)
        self.program = ["sh", "-c", f"echo $$ > {self.started}; exec cat {self.fifo}"]

    def wait_started(self):
        """The program's pid."""
        with open(self.started, "rb") as told:
            return int(told.read())

    def release(self, result):
        with open(self.fifo, "wb") as fifo:
            fifo.write(result)


class WorkerCommand(unittest.TestCase):
    def setUp(self):
        self.gmand = self.enterContext(Gmand())
        self.directory = self.enterContext(tempfile.TemporaryDirectory(prefix="gman-t-"))

    def worker(self, *args, **more):
        more.setdefault("servers", self.gmand.address)
        return GmanWorker(*args, **more)

    def do(self, *args, **more):
        return gman("do", *args, servers=self.gmand.address, **more)

    def test_makes_a_worker_of_any_program(self):
        with self.worker("wc", "--", "wc", "-l"):
            self.assertEqual(self.do("wc", stdin=b"a\nb\nc\n").stdout, b"3\n")

    def test_takes_one_line_feed_away_when_told(self):
        with self.worker("reverse", "--trim", "--", "rev"), \
             self.worker("echo", "--trim", "--", "cat"):
            self.assertEqual(self.do("reverse", "Hello").stdout, b"olleH")
            for workload, result in ((b"a\n\n", b"a\n"), (b"a\n", b"a"), (b"a", b"a"), (b"\n", b""),
                                     (b"", b"")):
                self.assertEqual(self.do("echo", stdin=workload).stdout, result)

    def test_leaves_bytes_alone_when_not_told(self):
        with self.worker("echo", "--", "cat"):
            for workload in (b"", b"\n", b"a\n\n", bytes(range(256))):
                self.assertEqual(self.do("echo", stdin=workload).stdout, workload)

    def test_passes_ten_mebibytes_through_a_program(self):
        workload = os.urandom(10 << 20)
        with self.worker("echo", "--", "cat"):
            done = self.do("echo", stdin=workload)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout == workload)

    def test_does_not_mind_a_program_that_reads_nothing_or_little(self):
        workload = bytes(10 << 20)
        with self.worker("little", "--", "head", "-c", "3"), self.worker("no", "--", "true"):
            self.assertEqual(self.do("little", stdin=workload).stdout, bytes(3))
            self.assertEqual(self.do("no", stdin=workload).stdout, b"")

    def test_gives_no_shell_a_chance(self):
        with self.worker("say", "--", "printf", "%s|", "$HOME", ";", "a b", "", "*"):
            self.assertEqual(self.do("say", "x").stdout, b"$HOME|;|a b||*|")

    def test_tells_the_program_about_its_job_when_asked(self):
        show = ["sh", "-c", 'echo "${GMAN_HANDLE-no} ${GMAN_FUNCTION-no} ${GMAN_UNIQUE-no}"']
        with self.worker("told", "--env", "--", *show), self.worker("untold", "--", *show):
            self.assertRegex(self.do("told", "x", "-u", "key").stdout.decode(),
                             r"^H:\S+ told key\n$")
            self.assertEqual(self.do("untold", "x", "-u", "key").stdout, b"no no no\n")

    def test_tells_the_client_why_the_program_failed(self):
        with self.worker("fail", "--", "sh", "-c", "echo out; echo went wrong >&2; exit 3") as w:
            done = self.do("fail", "x")
            self.assertEqual((done.returncode, done.stdout), (1, b""))
            self.assertIn("sh ended with status 3: went wrong", done.stderr)
            w.wait_log("job failed")
            self.assertIn("\nwent wrong\n", w.log(), "its standard error comes out here, too")

    def test_fails_the_job_for_clients_that_did_not_ask_for_exceptions(self):
        with self.worker("fail", "--", "false"), Peer(self.gmand.address) as client:
            client.submit("fail", "x")
            self.assertEqual(client.receive().type, WORK_FAIL)
            self.assertEqual(client.request(OPTION_REQ, "exceptions").args, [b"exceptions"])
            client.submit("fail", "x")
            kind, (_, text) = client.receive()
            self.assertEqual((kind, text), (WORK_EXCEPTION, b"false ended with status 1"))

    def test_names_the_signal_that_killed_the_program(self):
        with self.worker("die", "--", "sh", "-c", "kill -9 $$"):
            self.assertIn("was killed by signal 9 (Killed)", self.do("die", "x").stderr)

    def test_quotes_only_the_end_of_a_long_complaint(self):
        with self.worker("fail", "--", "sh", "-c", "seq 100000 >&2; exit 1"), \
             Peer(self.gmand.address) as client:
            client.request(OPTION_REQ, "exceptions")
            client.submit("fail", "x")
            text = client.receive().args[1]
            self.assertTrue(text.endswith(b"\n99999\n100000"))
            self.assertLess(len(text), 3000)

    def test_goes_on_after_a_failed_job(self):
        with self.worker("picky", "--", "grep", "good"):
            self.assertEqual(self.do("picky", "bad").returncode, 1)
            self.assertEqual(self.do("picky", "good").stdout, b"good\n")

    def test_ends_after_the_jobs_that_it_was_to_do(self):
        with self.worker("echo", "--count", "2", "--jobs", "4", "--", "cat") as worker:
            handles = [self.do("echo", str(i)).returncode for i in range(2)]
            self.assertEqual(handles, [0, 0])
            self.assertEqual(worker.wait(), 0)

    def test_does_a_thousand_jobs_four_at_a_time(self):
        running, most, done = set(), 0, 0
        lines = b"".join(b"%d\n" % i for i in range(1000))
        self.assertEqual(gman("bg", "echo", "--lines", stdin=lines,
                              servers=self.gmand.address).returncode, 0)
        with self.worker("echo", "--jobs", "4", "--verbose", "--", "cat") as worker:
            self.gmand.wait_admin("status", lambda text: "echo\t0\t0\t" in text, seconds=60)
            worker.wait_log("job ended", 1000)
        for line in worker.log().split("\n"):
            handle = line.rpartition("handle=")[2]
            if " job started " in line:
                self.assertNotIn(handle, running)
                running.add(handle)
                most = max(most, len(running))
            elif " job ended " in line:
                running.remove(handle)
                done += 1
        self.assertEqual((done, most, running), (1000, 4, set()))

    def test_runs_jobs_side_by_side(self):
        holds = [Hold(self.directory, f"hold{i}") for i in range(2)]
        program = ["sh", "-c", f'i=$(cat); echo $$ > {self.directory}/hold$i.started; '
                               f'exec cat {self.directory}/hold$i.fifo']
        with self.worker("hold", "--jobs", "2", "--", *program), Peer(self.gmand.address) as client:
            for i in range(2):
                client.submit("hold", str(i))
            for hold in holds:
                hold.wait_started()  # both run, though neither has ended
            for hold in reversed(holds):
                hold.release(hold.fifo[-6:-5].encode())
                self.assertEqual(client.result(), hold.fifo[-6:-5].encode())

    def test_serves_every_server_of_its_list(self):
        with Gmand() as other:
            with self.worker("echo", "--", "cat", servers=f"{self.gmand.address},{other.address}"):
                for server in (self.gmand, other):
                    done = gman("do", "echo", "x", servers=server.address)
                    self.assertEqual(done.stdout, b"x")

    def test_serves_what_is_up_while_the_first_server_is_down(self):
        with self.worker("echo", "--", "cat", servers=f"{DOWN},{self.gmand.address}",
                         connected=1) as worker:
            self.assertEqual(self.do("echo", "x").stdout, b"x")
            told = worker.wait_log("cannot connect")
            self.assertEqual(len(told), 1, "once, not at each attempt")
            self.assertIn("unix:/nonexistent/gmand.sock", told[0])

    def test_lets_no_busy_server_starve_another(self):
        with Gmand() as busy, Peer(busy.address) as flood, Peer(self.gmand.address) as client:
            for i in range(300):
                flood.submit("echo", str(i), kind=SUBMIT_JOB_BG)
            with self.worker("echo", "--", "cat", servers=f"{busy.address},{self.gmand.address}"):
                client.submit("echo", "x")
                self.assertEqual(client.result(), b"x")
                left = int(busy.admin("status").split("\t")[1])
                self.assertGreater(left, 100, "it was served only after all others")

    def test_comes_back_to_a_server_that_was_restarted(self):
        with Gmand() as first:
            with self.worker("echo", "--", "cat", servers=first.address) as worker:
                first.stop()
                worker.wait_log("disconnected")
                with Gmand(listen=(first.address,)) as second:
                    worker.wait_log(" connected server=", 2)
                    self.assertEqual(gman("do", "echo", "x", servers=second.address).stdout, b"x")

    def test_finishes_its_program_when_the_server_is_killed_and_drops_the_result(self):
        hold = Hold(self.directory)
        with Gmand() as doomed, Peer(doomed.address) as client:
            servers = f"{doomed.address},{self.gmand.address}"
            with self.worker("hold", "-v", "--", *hold.program, servers=servers) as worker:
                client.submit("hold", "x")
                hold.wait_started()
                doomed.kill()
                worker.wait_log("disconnected")
                hold.release(b"late")
                worker.wait_log("job ended")
                self.assertNotIn("error", worker.log())

    def test_gives_its_job_to_another_when_it_is_killed(self):
        hold = Hold(self.directory)
        with Peer(self.gmand.address) as client:
            with self.worker("hold", "--", *hold.program) as doomed:
                client.submit("hold", "x")
                orphan = hold.wait_started()
                doomed.kill()
                os.kill(orphan, signal.SIGKILL)
            with self.worker("hold", "--", *hold.program):
                hold.wait_started()
                hold.release(b"second try")
                self.assertEqual(client.result(), b"second try")

    def test_finishes_its_job_when_it_is_told_to_stop(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            with self.subTest(signal=number):
                directory = os.path.join(self.directory, str(int(number)))
                os.mkdir(directory)
                hold = Hold(directory)
                with self.worker("hold", "--", *hold.program) as worker, \
                     Peer(self.gmand.address) as client:
                    client.submit("hold", "x")
                    client.submit("hold", "not begun")
                    hold.wait_started()
                    worker.signal(number)
                    worker.wait_log("stopping")  # else it may take the next job first
                    hold.release(b"done")
                    self.assertEqual(client.result(), b"done")
                    self.assertEqual(worker.wait(), 0)
                    self.assertIn("hold\t1\t0\t0", self.gmand.admin("status"))
                    # Leave nothing to the next round.
                    with self.worker("hold", "--", "cat"):
                        self.assertEqual(client.result(), b"not begun")

    def test_lives_on_after_a_hang_up_that_nohup_has_it_ignore(self):
        with self.worker("echo", "--", "cat", prefix=("nohup",)) as worker:
            worker.signal(signal.SIGHUP)
            self.assertEqual(self.do("echo", "x").stdout, b"x")
            self.assertNotIn("stopping", worker.log())

    def test_kills_its_program_when_it_is_told_twice(self):
        hold = Hold(self.directory)
        with self.worker("hold", "--", *hold.program) as worker, Peer(self.gmand.address) as client:
            client.submit("hold", "x")
            pid = hold.wait_started()
            worker.signal(signal.SIGTERM)
            worker.signal(signal.SIGINT)
            self.assertEqual(worker.wait(), 0)
            worker.wait_log("running jobs are abandoned")
            self.assertFalse(is_alive(pid))
            self.assertIn("hold\t1\t0\t0", self.gmand.admin("status"), "the job waits for another")

    def test_kills_a_program_that_ignores_the_request_to_end(self):
        program = f'trap "" TERM; echo $$ > {self.directory}/started; while :; do sleep 60; done'
        os.mkfifo(f"{self.directory}/started")
        with self.worker("hold", "--", "sh", "-c", program) as worker, \
             Peer(self.gmand.address) as client:
            client.submit("hold", "x")
            with open(f"{self.directory}/started", "rb") as told:
                pid = int(told.read())
            worker.signal(signal.SIGTERM)
            worker.signal(signal.SIGINT)
            self.assertEqual(worker.wait(), 0)
            self.assertFalse(is_alive(pid))

    def test_ends_a_program_that_takes_too_long_and_lets_the_server_give_the_job_away(self):
        hold = Hold(self.directory)
        with Peer(self.gmand.address) as client:
            with self.worker("hold", "--timeout", "1s", "--", *hold.program) as worker:
                client.submit("hold", "x")
                pid = hold.wait_started()
                worker.signal(signal.SIGTERM)  # so that it does not take the job itself
                worker.wait_log("running jobs are finished first")
                self.assertEqual(worker.wait(), 0)
                self.assertFalse(is_alive(pid))
                worker.wait_log("was still running after")
            with self.worker("hold", "--", "cat"):
                self.assertEqual(client.result(), b"x")

    def test_waits_for_a_program_that_closed_its_output_and_works_on(self):
        program = f"exec >/dev/null 2>&1; read -r _ < {self.directory}/go; exit 7"
        os.mkfifo(f"{self.directory}/go")
        with self.worker("quiet", "--", "sh", "-c", program), Peer(self.gmand.address) as client:
            client.request(OPTION_REQ, "exceptions")
            client.submit("quiet", "x")
            with open(f"{self.directory}/go", "wb"):
                self.assertTrue(client.is_silent(0.1), "it has not ended yet")
            self.assertIn(b"ended with status 7", client.receive().args[1])

    def test_leaves_no_descriptor_and_no_zombie_behind(self):
        with self.worker("echo", "--jobs", "4", "--", "cat") as worker:
            self.do("echo", "x")
            fds = pathlib.Path(f"/proc/{worker.process.pid}/fd")
            before = len(list(fds.iterdir()))
            for i in range(50):
                self.do("echo", str(i))
            self.assertLessEqual(len(list(fds.iterdir())), before)
            children = pathlib.Path(f"/proc/{worker.process.pid}/task").glob("*/children")
            wait_until(lambda: not any(c.read_text() for c in list(children)), "a child is left")

    def test_asks_for_a_program(self):
        done = gman("worker", "wc")
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr, "gman worker: no program is given; put it behind --, as in: "
                                      "gman worker wc -- wc -l\n")

    def test_refuses_a_program_that_is_not_there(self):
        for program in ("no-such-program", "./no-such-program", "/etc/passwd"):
            done = gman("worker", "wc", "--", program)
            self.assertEqual(done.returncode, 2)
            self.assertEqual(done.stderr.count("\n"), 1)
            self.assertIn(f"there is no program {program}", done.stderr)

    def test_refuses_options_that_cannot_work(self):
        for option, named in (("--jobs=0", "1024"), ("--jobs=1025", "1024"), ("--jobs=x", "--jobs"),
                              ("--timeout=never", "never"), ("--client-id=a b", "a b"),
                              ("--count=-1", "--count"), ("--count=0", "--count")):
            done = gman("worker", "f", option, "--", "cat", servers=self.gmand.address)
            self.assertEqual(done.returncode, 2, done)
            self.assertEqual(done.stderr.count("\n"), 1)
            self.assertIn(named, done.stderr)


if __name__ == "__main__":
    unittest.main()
