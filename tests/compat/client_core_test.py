# SPDX-License-Identifier: BSD-3-Clause
"""What gman.h offers beside a single job, with gmand and with Debian's gearmand: many foreground
jobs at once, admin commands, status by unique, what is known of each server."""
import contextlib
import subprocess
import threading
import unittest

import wire
from gearmand import Gearmand
from gmand import BUILD_DIR, Gmand
from wire import Peer, Worker, reversing_worker

PEER = BUILD_DIR / "bin" / "tests" / "gman_abi_peer"
SECONDS = 30
# Port 1 of the loopback interface: nothing ever listens there.
DOWN = "127.0.0.1:1"


def peer(servers, *words):
    """What it prints, a list of lines."""
    done = subprocess.run([str(PEER), servers, *map(str, words)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, timeout=SECONDS, check=True)
    return done.stdout.decode().splitlines()


@contextlib.contextmanager
def running_peer(servers, *words):
    """The same while it goes on: a list that has the lines after the block."""
    lines = []
    process = subprocess.Popen([str(PEER), servers, *map(str, words)], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE)
    try:
        yield lines
        lines += process.communicate(timeout=SECONDS)[0].decode().splitlines()
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


class WithEither:
    """The tests, for a class that makes the server."""

    def setUp(self):
        self.server = self.enterContext(self.new_server())

    def run_many(self, *words):
        return peer(self.server.address, "run", *words)

    def test_many_jobs_come_back_in_order_from_several_workers(self):
        workloads = [f"job {i}" for i in range(500)]
        with contextlib.ExitStack() as workers:
            for _ in range(3):
                workers.enter_context(reversing_worker(self.server.address))
            lines = self.run_many("reverse", 0, *workloads)
        self.assertEqual(lines[0], "GMAN_OK ")
        self.assertEqual(lines[1:], ["GMAN_OK " + text[::-1] for text in workloads])

    def test_many_jobs_are_run_at_the_same_time(self):
        # Each job ends when three of them are running.
        barrier = threading.Barrier(3)

        def meet(workload):
            barrier.wait(SECONDS)
            return workload

        with contextlib.ExitStack() as workers:
            for _ in range(3):
                workers.enter_context(Worker(self.server.address, {"meet": meet}))
            lines = self.run_many("meet", 0, *"abcdefghi")
        self.assertEqual(lines, ["GMAN_OK ", *(f"GMAN_OK {c}" for c in "abcdefghi")])

    def test_one_bad_job_hides_none_of_the_others(self):
        ends = {b"fail": lambda w, h: w.send(wire.WORK_FAIL, h),
                b"throw": lambda w, h: w.send(wire.WORK_EXCEPTION, h, "it broke")}

        def complete(worker, handle):
            worker.send(wire.WORK_DATA, handle, "in two ")
            worker.send(wire.WORK_COMPLETE, handle, "parts")

        with Peer(self.server.address) as worker:
            worker.send(wire.CAN_DO, "f")
            with running_peer(self.server.address, "run", "f", 0, "fail", "good", "throw",
                              "also") as lines:
                for _ in range(4):
                    handle, _, workload = worker.grab()
                    ends.get(workload, complete)(worker, handle)
        self.assertEqual(lines[0], "GMAN_OK ")
        self.assertRegex(lines[1], 'GMAN_JOB_FAILED job .* of function "f" failed$')
        self.assertEqual(lines[2], "GMAN_OK in two parts")
        self.assertRegex(lines[3], "GMAN_JOB_EXCEPTION job .* ended with an exception: it broke$")
        self.assertEqual(lines[4], "GMAN_OK in two parts")

    def test_jobs_with_one_unique_are_one_job(self):
        seen = []

        def note(workload):
            seen.append(workload)
            return workload

        with Worker(self.server.address, {"f": note}):
            lines = self.run_many("f", 0, "u=one", "two", "u=three", "-=four", "-=four")
        self.assertEqual(lines, ["GMAN_OK ", "GMAN_OK one", "GMAN_OK two", "GMAN_OK one",
                                 "GMAN_OK four", "GMAN_OK four"])
        self.assertEqual(sorted(seen), [b"four", b"one", b"two"])

    def test_the_deadline_keeps_what_was_done(self):
        with Peer(self.server.address) as worker:
            worker.send(wire.CAN_DO, "f")
            with running_peer(self.server.address, "run", "f", 2000, "a", "b", "c") as lines:
                handle, _, workload = worker.grab()
                self.assertEqual(workload, b"a")
                worker.send(wire.WORK_COMPLETE, handle, "done")
        late = '2 of 3 jobs of function "f" did not end within 2000 ms'
        self.assertEqual(lines, [f"GMAN_DEADLINE {late}", "GMAN_OK done",
                                 f"GMAN_DEADLINE {late}; this job was sent",
                                 f"GMAN_DEADLINE {late}; this job was sent"])

    def test_jobs_in_flight_are_lost_with_their_server_and_the_others_go_to_the_next(self):
        with self.new_server() as doomed, Peer(doomed.address) as worker:
            worker.send(wire.CAN_DO, "f")
            servers = f"{doomed.address},{self.server.address}"
            with Worker(self.server.address, {"f": bytes.upper}):
                # More than are in flight at a time, so that some are not sent yet.
                with running_peer(servers, "run", "f", 0, *["w"] * 70) as lines:
                    handle, *_ = worker.grab()
                    worker.send(wire.WORK_COMPLETE, handle, "first")
                    worker.grab()
                    # The next job in its place: the client has heard of the first one's end.
                    doomed.wait_admin("status", lambda text: "f\t64\t1\t" in text)
                    doomed.kill()
        self.assertRegex(lines[0], "GMAN_CONNECTION_LOST .*the fate of 64 of 70 jobs")
        self.assertEqual(lines[1], "GMAN_OK first")
        for line in lines[2:66]:
            self.assertRegex(line, "GMAN_CONNECTION_LOST .*the fate of this job .* is unknown$")
        self.assertEqual(lines[66:], ["GMAN_OK W"] * 5)

    def test_admin_commands_are_answered(self):
        with reversing_worker(self.server.address):
            self.assertEqual(peer(self.server.address, "admin", 1, "status"),
                             ["GMAN_OK ", "reverse\t0\t0\t1", ""])
            lines = peer(self.server.address, "admin", 1, "workers")
            self.assertTrue(any(line.endswith(" : reverse") for line in lines), lines)
        self.assertEqual(peer(self.server.address, "admin", 1, "version")[1],
                         self.server.admin("version").rstrip("\n"))

    def test_a_job_is_cancelled_by_its_handle(self):
        with Peer(self.server.address) as client:
            handle = client.submit("f").decode()
            self.assertEqual(peer(self.server.address, "admin", 1, f"cancel job {handle}"),
                             ["GMAN_OK ", "OK"])
            self.assertEqual(client.receive().type, wire.WORK_FAIL)
        self.assertEqual(peer(self.server.address, "admin", 1, "cancel job H:nobody:1"), [
            f'GMAN_SERVER_ERROR {self.server.address} refused "cancel job H:nobody:1": '
            "ERR UNKNOWN_JOB", "ERR UNKNOWN_JOB"])

    def test_a_status_is_found_by_unique(self):
        with Peer(self.server.address) as client, Peer(self.server.address) as worker:
            client.submit("f", b"", b"page-17")
            self.assertEqual(peer(self.server.address, "unique", "page-17"),
                             ["GMAN_OK ", "known 1 running 0 clients 1"])
            worker.send(wire.CAN_DO, "f")
            worker.grab()
            self.assertEqual(peer(self.server.address, "unique", "page-17"),
                             ["GMAN_OK ", "known 1 running 1 clients 1"])
            self.assertEqual(peer(self.server.address, "unique", "page-18"),
                             ["GMAN_OK ", "known 0 running 0 clients 0"])

    def test_each_server_of_a_list_is_pinged_and_known(self):
        lines = peer(f"{DOWN},{self.server.address}", "servers")
        self.assertRegex(lines[0], f"GMAN_UNREACHABLE no job server reachable: {DOWN} ")
        self.assertEqual(lines[1:], [f"{DOWN} connected 0 cooling off 1 connection refused",
                                     "GMAN_OK ",
                                     f"{self.server.address} connected 1 cooling off 0 "])


class WithGmand(WithEither, unittest.TestCase):
    new_server = Gmand

    def test_waiting_jobs_are_dropped_when_their_caller_gives_up(self):
        peer(self.server.address, "run", "nobody", 100, "a", "b", "c")
        self.server.wait_admin("status", lambda text: "nobody\t0\t0\t0" in text)


class WithGearmand(WithEither, unittest.TestCase):
    new_server = Gearmand


if __name__ == "__main__":
    unittest.main()
