# SPDX-License-Identifier: BSD-3-Clause
"""Debian's gearadmin administers gmand as it does gearmand."""
import subprocess
import unittest

from gmand import Gmand
from wire import CAN_DO, SET_CLIENT_ID, SUBMIT_JOB_BG, SUBMIT_JOB_HIGH_BG, WORK_FAIL, Peer


class Gearadmin(unittest.TestCase):
    def setUp(self):
        self.gmand = self.enterContext(Gmand())
        self.client = self.enterContext(Peer(self.gmand.address))
        self.worker = self.enterContext(Peer(self.gmand.address))

    def gearadmin(self, *options):
        """What it prints. It ends with 0 also when it was refused, and says so on stderr."""
        done = subprocess.run(
            ["gearadmin", "-h", "127.0.0.1", "-p", str(self.gmand.port), *options],
            capture_output=True, timeout=30, check=True)
        return done.stdout.decode() + done.stderr.decode()

    def queue_two_jobs(self):
        """Their handles, the one of normal priority first."""
        return [self.client.submit("f", "x", unique, kind).decode()
                for unique, kind in (("key1", SUBMIT_JOB_BG), ("key2", SUBMIT_JOB_HIGH_BG))]

    def test_shows_the_status(self):
        self.queue_two_jobs()
        self.worker.send(CAN_DO, "f")
        self.worker.send(CAN_DO, "idle")
        self.worker.grab()
        self.assertEqual(self.gearadmin("--status"), "f\t2\t1\t1\nidle\t0\t0\t1\n.\n")

    def test_shows_the_status_by_priority(self):
        self.queue_two_jobs()
        self.assertEqual(self.gearadmin("--priority-status"), "f\t1\t1\t0\t0\n.\n")

    def test_lists_the_workers(self):
        self.worker.send(SET_CLIENT_ID, "me")
        for function in ("f", "g"):
            self.worker.send(CAN_DO, function)
        self.worker.echo()
        self.assertRegex(self.gearadmin("--workers"), r"(?m)^\d+ 127\.0\.0\.1 me : f g$")

    def test_lists_jobs_and_uniques(self):
        first, second = self.queue_two_jobs()
        self.assertEqual(sorted(self.gearadmin("--show-jobs").splitlines()),
                         [".", f"{first}\t0\t0\t0", f"{second}\t0\t0\t0"])
        self.assertEqual(sorted(self.gearadmin("--show-unique-jobs").splitlines()),
                         [".", "key1", "key2"])

    def test_tells_version_verbosity_and_pid(self):
        self.assertRegex(self.gearadmin("--server-version"), r"^\d+\.\d+\.\d+\n$")
        self.assertRegex(self.gearadmin("--server-verbose"), r"^[A-Z]+\n$")
        self.assertEqual(self.gearadmin("--getpid"), f"{self.gmand.pid}\n")

    def test_creates_and_drops_a_function(self):
        self.assertEqual(self.gearadmin("--create-function", "made"), "OK\n")
        self.assertEqual(self.gearadmin("--status"), "made\t0\t0\t0\n.\n")
        self.assertEqual(self.gearadmin("--drop-function", "made"), "OK\n")
        self.assertEqual(self.gearadmin("--status"), ".\n")
        self.assertIn("function not found", self.gearadmin("--drop-function", "made"))

    def test_does_not_drop_a_function_that_is_used(self):
        self.queue_two_jobs()
        self.assertIn("there are still connected workers or executing clients",
                      self.gearadmin("--drop-function", "f"))

    def test_cancels_a_job_and_its_client_is_told(self):
        handle = self.client.submit("f", "x").decode()
        self.assertEqual(self.gearadmin("--cancel-job", handle), "OK\n")
        self.assertEqual(self.client.receive(), (WORK_FAIL, [handle.encode()]))
        self.assertEqual(self.gearadmin("--show-jobs"), ".\n")
        self.assertIn("UNKNOWN_JOB", self.gearadmin("--cancel-job", handle))


if __name__ == "__main__":
    unittest.main()
