# SPDX-License-Identifier: BSD-3-Clause
"""gman with Debian's gearmand, which knows none of gman's own packets: what plain packets can say
is said by them, and what they cannot is an error that names the server."""
import time
import unittest

from gearmand import Gearmand
from gman_command import DOWN, gman
from gmand import Gmand
from wire import CAN_DO, GRAB_JOB, NO_JOB, Peer


class Fallback(unittest.TestCase):
    def setUp(self):
        self.gearmand = self.enterContext(Gearmand())

    def run_gman(self, *args, **more):
        return gman(*args, servers=self.gearmand.address, **more)

    def cannot(self, command, *args):
        done = self.run_gman(command, "f", "x", *args)
        self.assertEqual((done.returncode, done.stdout), (5, b""), done)
        self.assertEqual(self.gearmand.admin("status"), ".\n", "no job was made")
        self.assertEqual(done.stderr.count("\n"), 1)
        self.assertIn(f"gman {command}: {self.gearmand.address} cannot give the job of function "
                      '"f" ', done.stderr)
        self.assertIn("it does not know the option gman.submit", done.stderr)
        return done.stderr

    def test_queues_thousands_of_lines_in_their_order(self):
        lines = [b"line %d" % i for i in range(2500)]
        done = self.run_gman("bg", "many", "--lines", "--high", stdin=b"\n".join(lines))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        handles = done.stdout.splitlines()
        self.assertEqual(len(set(handles)), 2500)
        with Peer(self.gearmand.address) as worker:
            worker.send(CAN_DO, "many")
            for handle, line in zip(handles, lines):
                self.assertEqual(worker.grab(), (handle, b"many", line))

    def test_names_the_lines_that_it_refuses(self):
        self.gearmand.admin("create function full\r")
        self.gearmand.admin("maxqueue full 2")
        done = self.run_gman("bg", "full", "--lines", stdin=b"a\nb\nc\n")
        self.assertEqual((done.returncode, len(done.stdout.splitlines())), (5, 2), done)
        self.assertRegex(done.stderr, r'^gman bg: line 3: .* QUEUE_ERROR "Job queue is full"\n$')

    def test_runs_a_job_at_its_time_rounded_up_to_the_second(self):
        before = time.time()
        done = self.run_gman("bg", "later", "x", "--in", "500ms")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        with Peer(self.gearmand.address) as worker:
            worker.send(CAN_DO, "later")
            # It wakes nobody when the time comes, so the worker asks again.
            until = time.monotonic() + 20
            while worker.request(GRAB_JOB).type == NO_JOB:
                self.assertLess(time.monotonic(), until)
        self.assertGreaterEqual(time.time(), before + 0.5)

    def test_is_named_as_a_server_that_cannot_do_it(self):
        self.assertIn("the unique mode until_start",
                      self.cannot("bg", "-u", "k", "--unique-mode", "until-start"))
        self.assertIn("a run time and a priority", self.cannot("bg", "--in", "1s", "--low"))
        self.assertIn("a run time in the foreground", self.cannot("do", "--in", "1s"))

    def test_takes_what_needs_nothing_of_it_though_an_option_was_given(self):
        for args in (["-u", "k", "--unique-mode", "alive"], ["--priority", "high"]):
            done = self.run_gman("bg", "plain", "x", *args)
            self.assertEqual((done.returncode, done.stderr), (0, ""), args)

    def test_is_gone_over_to_when_the_first_server_is_down(self):
        done = gman("bg", "-s", f"{DOWN},{self.gearmand.address}", "later", "--lines",
                    stdin=b"a\nb\nc\n")
        self.assertEqual((done.returncode, len(done.stdout.splitlines())), (0, 3), done)
        with Gmand() as gmand:
            done = gman("bg", "-s", f"{gmand.address},{self.gearmand.address}", "f", "x",
                        "-u", "k", "--unique-mode", "until-start")
            self.assertEqual(done.returncode, 0, done)


if __name__ == "__main__":
    unittest.main()
