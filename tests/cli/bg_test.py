# SPDX-License-Identifier: BSD-3-Clause
"""gman bg: jobs that outlive their client."""
import os
import pty
import socket
import struct
import subprocess
import threading
import time
import unittest

from gman_command import BINARY, DOWN, environment, gman
from gmand import Gmand
from wire import (CAN_DO, GET_STATUS, JOB_CREATED, OPTION_REQ, OPTION_RES, RES, SUBMIT_MANY, Peer,
                  Worker, encode, job_of_many)


class Bg(unittest.TestCase):
    def setUp(self):
        self.gmand = self.enterContext(Gmand())

    def run_bg(self, *args, **more):
        return gman("bg", *args, servers=self.gmand.address, **more)

    def total(self, function):
        rows = [line.split("\t") for line in self.gmand.admin("status").split("\n")]
        return sum(int(row[1]) for row in rows if row[0] == function)

    def test_prints_the_handle_of_a_job_that_the_server_knows(self):
        done = self.run_bg("later", "x")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        handle, end = done.stdout[:-1], done.stdout[-1:]
        self.assertEqual(end, b"\n")
        with Peer(self.gmand.address) as peer:
            self.assertEqual(peer.request(GET_STATUS, handle).args[:3], [handle, b"1", b"0"])

    def test_queues_the_workload_from_argument_or_standard_input(self):
        every_byte = bytes(range(256))
        self.run_bg("keep", "word")
        self.run_bg("keep", stdin=every_byte)
        kept = []
        with Worker(self.gmand.address, {"keep": lambda w: kept.append(w) or b""}):
            self.gmand.wait_admin("status", lambda answer: "keep\t0\t" in answer)
        self.assertEqual(kept, [b"word", every_byte])

    def test_keeps_the_priorities_in_order(self):
        for word, *option in (["low", "--low"], ["normal"], ["high", "--high"]):
            self.assertEqual(self.run_bg("keep", word, *option).returncode, 0)
        kept = []
        with Worker(self.gmand.address, {"keep": lambda w: kept.append(w) or b""}):
            self.gmand.wait_admin("status", lambda answer: "keep\t0\t" in answer)
        self.assertEqual(kept, [b"high", b"normal", b"low"])

    def test_queues_a_unique_once(self):
        handles = {self.run_bg("once", "x", "--unique", "key").stdout for _ in range(3)}
        self.assertEqual((len(handles), self.total("once")), (1, 1))

    def test_queues_one_job_for_each_line(self):
        lines = b"".join(b"line %d\n" % i for i in range(1000))
        done = self.run_bg("many", "--lines", stdin=lines)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual((len(set(done.stdout.split())), self.total("many")), (1000, 1000))

    def test_shows_how_far_it_is_on_a_terminal_only(self):
        leader, terminal = pty.openpty()
        feeder, input_end = os.pipe()
        with open(input_end, "wb", buffering=0) as lines:
            client = subprocess.Popen([BINARY, "bg", "many", "--lines"], stdin=feeder,
                                      stdout=subprocess.DEVNULL, stderr=terminal,
                                      env=environment(self.gmand.address))
            os.close(terminal)
            os.close(feeder)
            lines.write(b"x\n")
            shown = b""
            while b"1 jobs, " not in shown or b" a second" not in shown:
                shown += os.read(leader, 1024)
        self.assertEqual(client.wait(30), 0)
        os.close(leader)

    def test_queues_thousands_of_lines_in_their_order_and_prints_every_handle(self):
        lines = [b"line %d" % i for i in range(2500)]
        done = self.run_bg("many", "--lines", "--low", stdin=b"\n".join(lines))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        handles = done.stdout.splitlines()
        self.assertEqual(len(set(handles)), 2500)
        self.assertIn("many\t0\t0\t2500\t0\n", self.gmand.admin("prioritystatus"))
        with Peer(self.gmand.address) as worker:
            worker.send(CAN_DO, "many")
            for handle, line in zip(handles, lines):
                self.assertEqual(worker.grab(), (handle, b"many", line))

    def test_sends_lines_that_have_come_by_one_packet(self):
        # A server that writes down what it is asked, knows SUBMIT_MANY and then leaves.
        requests = []

        def serve():
            connection, _ = listener.accept()
            with connection, connection.makefile("rwb") as stream:
                while len(requests) < 3:
                    _, kind, length = struct.unpack(">4sII", stream.read(12))
                    requests.append((kind, stream.read(length)))
                    if kind == OPTION_REQ:
                        stream.write(encode(OPTION_RES, requests[-1][1], magic=RES))
                        stream.flush()
                for handle in ("H:1", "H:2", "H:3"):
                    stream.write(encode(JOB_CREATED, handle, magic=RES))
                stream.flush()
                stream.read(1)  # until the client has gone

        with socket.create_server(("127.0.0.1", 0)) as listener:
            server = threading.Thread(target=serve, daemon=True)
            server.start()
            done = gman("bg", "-s", f"127.0.0.1:{listener.getsockname()[1]}", "f", "--lines",
                        "--low", stdin=b"one\ntwo\nthree\n")
            server.join(30)
        self.assertEqual((done.returncode, done.stdout), (0, b"H:1\nH:2\nH:3\n"), done)
        jobs = b"".join(job_of_many(line) for line in (b"one", b"two", b"three"))
        self.assertEqual(requests, [
            (OPTION_REQ, b"exceptions"), (OPTION_REQ, b"gman.submit_many"),
            (SUBMIT_MANY, b"f\0mode=background,priority=low\0" + jobs)])

    def test_takes_lines_of_a_megabyte_beside_short_ones(self):
        lines = [b"a" * (1 << 20), b"b", b"c" * (3 << 20), b"d", b"e"]
        done = self.run_bg("long", "--lines", stdin=b"\n".join(lines) + b"\n")
        self.assertEqual((done.returncode, len(done.stdout.splitlines())), (0, 5), done.stderr)
        with Peer(self.gmand.address) as worker:
            worker.send(CAN_DO, "long")
            for line in lines:
                self.assertTrue(worker.grab()[2] == line)

    def test_prints_the_handles_of_the_lines_that_were_taken_and_names_those_refused(self):
        self.gmand.admin("maxqueue full 2")
        done = self.run_bg("full", "--lines", stdin=b"a\nb\n\nc\nd\n")
        self.assertEqual((done.returncode, len(done.stdout.splitlines())), (5, 2), done)
        self.assertEqual(done.stderr, "".join(
            f"gman bg: line {line}: {self.gmand.address} refused the job: "
            'QUEUE_ERROR "Job queue is full"\n' for line in (4, 5)))

    def test_a_line_that_has_come_is_queued_before_the_next_one_comes(self):
        feeder, input_end = os.pipe()
        with subprocess.Popen([BINARY, "bg", "slow", "--lines"], stdin=feeder,
                              stdout=subprocess.PIPE,
                              env=environment(self.gmand.address)) as client:
            os.close(feeder)
            with open(input_end, "wb", buffering=0) as lines:
                for count in (1, 2):
                    lines.write(b"x\n")
                    client.stdout.readline()
                    self.assertEqual(self.total("slow"), count)
            self.assertEqual(client.wait(30), 0)

    def test_runs_a_job_with_a_priority_at_its_time(self):
        before = time.time()
        done = self.run_bg("later", "x", "--in", "300ms", "--priority", "high")
        self.assertEqual(done.returncode, 0, done)
        self.assertIn("later\t1\t0\t0\t0\n", self.gmand.admin("prioritystatus"))
        with Peer(self.gmand.address) as worker:
            worker.send(CAN_DO, "later")
            self.assertEqual(worker.grab()[0], done.stdout.strip())
        self.assertGreaterEqual(time.time(), before + 0.3)

    def test_understands_a_moment_in_each_way_of_writing_it(self):
        zone = {"TZ": "EAST-02:00"}  # two hours east of Greenwich
        with Peer(self.gmand.address) as worker:
            worker.send(CAN_DO, "now")
            for when in ("1970-01-01 02:00", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.5Z",
                         "2026-02-28 23:59:59+23:59", "2024-02-29T00:00-01:00", "@0", "@1.25"):
                done = self.run_bg("now", when, "--at", when, extra=zone)
                self.assertEqual((done.returncode, done.stderr), (0, ""), when)
                self.assertEqual(worker.grab()[2], when.encode(), "it is long past")
            for when in ("9999-12-31 23:59", "2999-01-01T00:00:00Z", "@32503680000"):
                done = self.run_bg("then", when, "--at", when, extra=zone)
                self.assertEqual((done.returncode, done.stderr), (0, ""), when)
        self.assertEqual(self.total("then"), 3)

    def test_refuses_a_moment_that_is_none(self):
        for when in ("soon", "", " ", "12:00", "2026-11-24", "2026-11-24 25:00", "2026-02-29 00:00",
                     "2026-13-01 00:00", "1969-12-31T23:59:59Z", "2026-11-24 22:30 ", "@", "@-1",
                     "@1.", "2026-11-24 22:30:00.", "2026-11-24T22:30+1", "@999999999999"):
            with self.subTest(when=when):
                done = self.run_bg("f", "x", f"--at={when}" if when else "--at= ")
                self.assertEqual((done.returncode, done.stdout), (2, b""), done)
                self.assertRegex(done.stderr, r"^gman bg: --at .*\n$")

    def test_refuses_what_is_no_priority_no_mode_or_a_mode_without_a_key(self):
        for args, told in ((["--priority", "urgent"], '--priority "urgent"'),
                           (["-u", "k", "--unique-mode", "queued"], '--unique-mode "queued"'),
                           (["--unique-mode", "until-start"], "give --unique KEY"),
                           (["--in", "soon"], '--in "soon"'),
                           (["--in", "1s", "--at", "@1"], "--at"),
                           (["--priority", "low", "--high"], "--high")):
            done = self.run_bg("f", "x", *args)
            self.assertEqual((done.returncode, done.stdout), (2, b""), done)
            self.assertIn(told, done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1)

    def test_joins_only_a_job_that_has_not_started_when_told_so(self):
        handles = []

        def submit():
            done = self.run_bg("index", "x", "-u", "page-17", "--unique-mode", "until-start")
            self.assertEqual(done.returncode, 0, done)
            handles.append(done.stdout.strip())

        submit()
        submit()
        with Peer(self.gmand.address) as worker:
            worker.send(CAN_DO, "index")
            self.assertEqual(worker.grab()[0], handles[0])
            submit()
        self.assertEqual(handles[0], handles[1])
        self.assertNotEqual(handles[1], handles[2])

    def test_names_a_server_that_is_down_and_the_line_that_was_not_sent(self):
        done = gman("bg", "-s", DOWN, "later", "--lines", stdin=b"a\nb\n")
        self.assertEqual((done.returncode, done.stdout), (3, b""))
        self.assertRegex(done.stderr, r"^gman bg: line 1: .*unix:/nonexistent/gmand\.sock.*\n$")

    def test_uses_the_second_server_when_the_first_is_down(self):
        done = gman("bg", "-s", f"{DOWN},{self.gmand.address}", "later", "x")
        self.assertEqual((done.returncode, self.total("later")), (0, 1), done)

    def test_refuses_names_and_keys_above_their_limits(self):
        self.assertEqual(self.run_bg("f" * 512, "x").returncode, 0)
        done = self.run_bg("f" * 513, "x")
        self.assertEqual(done.returncode, 2)
        self.assertIn("512", done.stderr)
        self.assertEqual(self.run_bg("f", "x", "-u", "k" * 64).returncode, 0)
        done = self.run_bg("f", "x", "-u", "k" * 65)
        self.assertEqual(done.returncode, 2)
        self.assertIn("64", done.stderr)


if __name__ == "__main__":
    unittest.main()
