# SPDX-License-Identifier: BSD-3-Clause
"""gman do: a job's result on standard output, and an exit code that tells how it went."""
import os
import pty
import signal
import subprocess
import time
import unittest

from gman_command import BINARY, DOWN, environment, gman
from gmand import Gmand
from wire import (CAN_DO, GET_STATUS_UNIQUE, WORK_COMPLETE, WORK_DATA, WORK_STATUS, WORK_WARNING,
                  Peer, Worker)


class Do(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gmand = cls.enterClassContext(Gmand())
        cls.enterClassContext(Worker(cls.gmand.address, {
            "reverse": lambda workload: workload[::-1],
            "echo": lambda workload: workload,
            "fail": cls.fail_job,
        }))

    @staticmethod
    def fail_job(_):
        raise ValueError

    def run_do(self, *args, **more):
        return gman("do", *args, servers=self.gmand.address, **more)

    def test_prints_the_result_and_nothing_else(self):
        done = self.run_do("reverse", "Hello")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"olleH", ""))

    def test_works_over_the_unix_socket(self):
        done = gman("do", "-s", "unix:" + self.gmand.unix_socket, "reverse", "Hello")
        self.assertEqual((done.returncode, done.stdout), (0, b"olleH"))

    def test_reads_the_workload_from_standard_input(self):
        every_byte = bytes(range(256))
        for args in (["echo"], ["echo", "-"]):
            done = self.run_do(*args, stdin=every_byte)
            self.assertEqual((done.returncode, done.stdout), (0, every_byte), args)

    def test_takes_an_empty_workload(self):
        self.assertEqual(self.run_do("echo", "", stdin=b"not this").stdout, b"")
        done = self.run_do("echo", stdin=b"")
        self.assertEqual((done.returncode, done.stdout), (0, b""))

    def test_takes_workloads_that_look_like_something_else(self):
        for workload in ("--help", "-x", "{}", "[a,b]", "a,b", "%%", "status"):
            done = self.run_do("echo", "--", workload)
            self.assertEqual((done.returncode, done.stdout), (0, workload.encode()), workload)

    def test_carries_ten_mebibytes(self):
        workload = os.urandom(10 << 20)
        done = self.run_do("echo", stdin=workload)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout == workload)

    def test_refuses_a_workload_above_the_limit_before_sending_it(self):
        done = self.run_do("echo", stdin=bytes((64 << 20) + 1))
        self.assertEqual(done.returncode, 2)
        self.assertIn("67108864", done.stderr)

    def test_says_that_the_job_failed(self):
        done = self.run_do("fail", "x")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertRegex(done.stderr, r'^gman do: .*"fail".*fail.*\n$')

    def test_names_a_server_that_is_down(self):
        done = gman("do", "-s", DOWN, "reverse", "x")
        self.assertEqual((done.returncode, done.stdout), (3, b""))
        self.assertRegex(done.stderr, r"^gman do: .*unix:/nonexistent/gmand\.sock.*\n$")

    def test_uses_the_second_server_when_the_first_is_down(self):
        done = gman("do", "-s", f"{DOWN},{self.gmand.address}", "reverse", "Hello")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"olleH", ""))

    def test_gives_up_at_its_deadline_and_says_that_no_worker_is_there(self):
        done = self.run_do("nobody_does_this", "x", "--deadline", "200ms")
        self.assertEqual((done.returncode, done.stdout), (4, b""))
        self.assertRegex(done.stderr, r'"nobody_does_this" did not end within 200 ms.*worker')

    def test_runs_one_job_for_each_line(self):
        done = self.run_do("reverse", "--lines", stdin=b"one\ntwo\n\nthree")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"eno\nowt\neerht\n", ""))

    def test_goes_on_after_a_line_whose_job_failed(self):
        with Worker(self.gmand.address, {"picky": self.refuse_bad}):
            done = self.run_do("picky", "--lines", stdin=b"a\nbad\nc\n")
        self.assertEqual((done.returncode, done.stdout), (1, b"a\nc\n"))
        self.assertRegex(done.stderr, r"^gman do: line 2: .*\n$")

    @staticmethod
    def refuse_bad(workload):
        if workload == b"bad":
            raise ValueError
        return workload

    def test_does_not_take_a_workload_beside_lines(self):
        done = self.run_do("reverse", "x", "--lines")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--lines", done.stderr)

    def start(self, *args):
        """A `gman do` that goes on in the background."""
        return subprocess.Popen([BINARY, "do", *args], env=environment(self.gmand.address),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def test_gives_the_job_its_priority(self):
        clients = []
        for count, (name, *option) in enumerate((["low", "--low"], ["normal"], ["high", "--high"])):
            clients.append(self.start("ranked", name, *option))
            self.gmand.wait_admin("status", lambda text, n=count: f"ranked\t{n + 1}\t" in text)
        order = []
        with Worker(self.gmand.address, {"ranked": lambda w: order.append(w) or b"done"}):
            for client in clients:
                self.assertEqual(client.communicate(timeout=30), (b"done", b""))
        self.assertEqual(order, [b"high", b"normal", b"low"])

    def test_joins_the_job_with_its_unique(self):
        first = self.start("joined", "first", "--unique", "key")
        self.gmand.wait_admin("status", lambda answer: "joined\t1\t" in answer)
        second = self.start("joined", "second", "-u", "key")
        until = time.monotonic() + 10
        with Peer(self.gmand.address) as peer:
            clients = 0
            while clients < 2:
                self.assertLess(time.monotonic(), until, "the second client did not join")
                clients = int(peer.request(GET_STATUS_UNIQUE, "key").args[5])
        done = []
        with Worker(self.gmand.address, {"joined": lambda w: done.append(w) or w}):
            for client in (first, second):
                self.assertEqual(client.communicate(timeout=30), (b"first", b""))
        self.assertEqual(done, [b"first"])

    def test_shows_warnings_and_pieces_of_a_result(self):
        with Peer(self.gmand.address) as worker:
            worker.send(CAN_DO, "talk")
            worker.echo()
            client = self.start("talk", "x")
            handle, _, _ = worker.grab()
            worker.send(WORK_DATA, handle, "part, ")
            worker.send(WORK_WARNING, handle, "look \x1b[31mout")
            worker.send(WORK_COMPLETE, handle, "end")
            out, err = client.communicate(timeout=30)
        self.assertEqual((client.returncode, out), (0, b"part, end"))
        self.assertEqual(err, b"gman do: warning: look \\x1b[31mout\n")

    def test_shows_progress_on_a_terminal_and_removes_it(self):
        leader, terminal = pty.openpty()
        with Peer(self.gmand.address) as worker:
            worker.send(CAN_DO, "slow")
            worker.echo()
            client = subprocess.Popen([BINARY, "do", "slow", "x"], stdout=subprocess.PIPE,
                                      stderr=terminal, env=environment(self.gmand.address))
            os.close(terminal)
            handle, _, _ = worker.grab()
            worker.send(WORK_STATUS, handle, "3", "10")
            shown = b""
            while b"3 of 10 done" not in shown:
                shown += os.read(leader, 1024)
            worker.send(WORK_COMPLETE, handle, "end")
            self.assertEqual(client.communicate(timeout=30)[0], b"end")
        shown += os.read(leader, 1024)
        self.assertTrue(shown.endswith(b"\r\x1b[K"), shown)
        os.close(leader)

    def test_ends_cleanly_when_it_is_interrupted(self):
        client = self.start("never", "x")
        self.gmand.wait_admin("status", lambda answer: "never\t1\t" in answer)
        client.send_signal(signal.SIGINT)
        out, err = client.communicate(timeout=10)
        self.assertEqual((client.returncode, out, err), (130, b"", b""))

    def test_says_that_the_server_went_away_with_the_job(self):
        with Gmand() as doomed:
            client = subprocess.Popen([BINARY, "do", "never", "x"], stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, env=environment(doomed.address))
            doomed.wait_admin("status", lambda answer: "never\t1\t" in answer)
            doomed.kill()
            out, err = client.communicate(timeout=30)
        self.assertEqual((client.returncode, out), (5, b""), err)
        self.assertIn(doomed.address.encode(), err)

    def test_says_when_its_output_cannot_be_written(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([BINARY, "do", "reverse", "x"], stdout=full, check=False,
                                  stderr=subprocess.PIPE, env=environment(self.gmand.address))
        self.assertEqual(done.returncode, 5)
        self.assertIn(b"No space left on device", done.stderr)


if __name__ == "__main__":
    unittest.main()
