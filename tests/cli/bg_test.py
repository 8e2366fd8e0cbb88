# SPDX-License-Identifier: BSD-3-Clause
"""gman bg: jobs that outlive their client."""
import os
import pty
import subprocess
import unittest

from gman_command import BINARY, DOWN, environment, gman
from gmand import Gmand
from wire import GET_STATUS, Peer, Worker


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
