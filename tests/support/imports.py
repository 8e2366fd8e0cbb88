# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of `gmand store import` share: jobs of every kind, given to gearmand or written
into a table as it writes them, and what a gmand then has."""
import contextlib
import pathlib
import shutil
import sqlite3
import subprocess
import tempfile
import time
import unittest

from gmand import BINARY, Gmand
from wire import *  # pylint: disable=wildcard-import,unused-wildcard-import

# function, unique, priority, seconds from now (None: at once), workload
JOBS = [
    (b"resize", b"one", 1, None, b"first"),
    (b"resize", b"two", 0, None, b"\x00\xff any bytes \n'\""),
    (b"resize", b"three", 2, None, b""),
    (b"mail", b"one", 1, None, b"x" * 100_000),
    (b"mail", b"later", 1, 3000, b"in an hour"),
]
KINDS = {0: SUBMIT_JOB_HIGH_BG, 1: SUBMIT_JOB_BG, 2: SUBMIT_JOB_LOW_BG}


def submit_all(address, jobs=tuple(JOBS)):
    with Peer(address) as client:
        for function, unique, priority, delay, workload in jobs:
            if delay is None:
                answer = client.request(KINDS[priority], function, unique, workload)
            else:
                due = str(int(time.time()) + delay)
                answer = client.request(SUBMIT_JOB_EPOCH, function, unique, due, workload)
            assert answer.type == JOB_CREATED, answer


class ImportTestCase(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="gman-import-", dir="/var/tmp"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.path = self.directory / "jobs.db"
        self.url = f"sqlite:{self.path}"

    def run_import(self, source, *words, exit_code=0):
        """What it says: to its user, or when it refuses."""
        done = self.start_import(source, *words)
        self.assertEqual(done.returncode, exit_code, done)
        return done.stdout if exit_code == 0 else done.stderr

    def start_import(self, source, *words):
        return subprocess.run([BINARY, "store", "import", self.url, "--from", source, *words],
                              capture_output=True, text=True, timeout=60, check=False)

    def expect_all_jobs(self, later_by=0):
        """A gmand has every one of JOBS, and runs them by priority; `later_by` seconds is what has
        passed at most since the delayed one was submitted."""
        checked = subprocess.run([BINARY, "store", "check", self.url], capture_output=True,
                                 text=True, timeout=60, check=False)
        self.assertEqual(checked.returncode, 0, checked)
        self.assertIn(f"jobs: {len(JOBS)}\n", checked.stdout)
        with Gmand("--store", self.url) as gmand, Peer(gmand.address) as worker:
            with contextlib.closing(sqlite3.connect(self.path)) as database:
                (due, now), = database.execute(
                    "SELECT due_ms, unixepoch() FROM job WHERE due_ms IS NOT NULL").fetchall()
            self.assertLessEqual(abs(due / 1000 - now - 3000), 60 + later_by)
            for function in (b"resize", b"mail"):
                worker.send(CAN_DO, function)
                expected = sorted((priority, unique, workload)
                                  for name, unique, priority, delay, workload in JOBS
                                  if name == function and delay is None)
                for _, unique, workload in expected:
                    answer = worker.request(GRAB_JOB_UNIQ)
                    self.assertEqual(answer.type, JOB_ASSIGN_UNIQ)
                    self.assertEqual(answer.args[1:], [function, unique, workload])
                    worker.send(WORK_COMPLETE, answer.args[0], b"")
                self.assertEqual(worker.request(GRAB_JOB_UNIQ).type, NO_JOB)
                worker.send(CANT_DO, function)
            self.assertEqual(gmand.stop(), 0)
