# SPDX-License-Identifier: BSD-3-Clause
"""What happened while things died, and whether it may have: as Jepsen's total-queue checks a queue.

    attempted    somebody began to enqueue it
    committed    and was told that it is committed
    runs         how often a worker was given it

Nothing committed may be lost, nothing may be run that was not attempted, nothing that was rolled
back may be run, and a second run is an error unless the faults at hand allow it.
"""
import collections
import threading


class History:
    def __init__(self):
        self._lock = threading.Lock()
        self.attempted = set()
        self.committed = set()
        self.rolled_back = set()
        self.runs = collections.Counter()

    def attempt(self, jobs):
        with self._lock:
            self.attempted.update(jobs)

    def commit(self, jobs):
        with self._lock:
            self.committed.update(jobs)

    def roll_back(self, jobs):
        with self._lock:
            self.rolled_back.update(jobs)

    def run(self, job):
        with self._lock:
            self.runs[job] += 1

    def missing(self):
        """Committed, and not run yet."""
        with self._lock:
            return self.committed - set(self.runs)

    def check(self, test, may_double):
        runs = set(self.runs)
        test.assertEqual(self.committed - runs, set(), "lost")
        test.assertEqual(runs - self.attempted, set(), "invented")
        test.assertEqual(runs & self.rolled_back, set(), "run though rolled back")
        doubled = {job: count for job, count in self.runs.items() if count > 1}
        if not may_double:
            test.assertEqual(doubled, {}, "run twice")
