# SPDX-License-Identifier: BSD-3-Clause
"""A backlog larger than memory: what is beyond --workload-memory-max stays in the store, and comes
back in time, in order and as it was."""
import contextlib
import hashlib
import sqlite3
import unittest

from gmand import is_sanitized
from kept_jobs import StoreTestCase
from wire import *  # pylint: disable=wildcard-import,unused-wildcard-import

BUDGET = 1 << 20
WORKLOAD_BYTES = 16 << 10


def workload(number, size=WORKLOAD_BYTES):
    """Told apart from all others, also where it was cut or mixed."""
    seed = hashlib.sha256(str(number).encode()).digest()
    return (b"%d " % number + seed * (size // len(seed)))[:size]


class BacklogTestCase(StoreTestCase):
    def begin(self, *options):
        return self.start("--workload-memory-max", str(BUDGET), *options)

    def submit_all(self, gmand, numbers, function="f", size=WORKLOAD_BYTES, kind=SUBMIT_JOB_BG):
        with Peer(gmand.address, seconds=60) as client:
            numbers = list(numbers)
            for first in range(0, len(numbers), 64):
                burst = numbers[first:first + 64]
                client.send_bytes(b"".join(encode(kind, function, "", workload(number, size))
                                           for number in burst))
                for _ in burst:
                    answer = client.receive(60)
                    self.assertEqual(answer.type, JOB_CREATED, answer.args)

    def drain(self, gmand, count, function="f"):
        """The next so many workloads, whose jobs are done, by a worker that sleeps when it must."""
        done = []
        with Peer(gmand.address) as worker:
            worker.send(CAN_DO, function)
            for _ in range(count):
                handle, _, taken = worker.grab(60)
                done.append(taken)
                worker.send(WORK_COMPLETE, handle, b"")
            worker.echo()
        return done

    def assert_are(self, taken, numbers, size=WORKLOAD_BYTES):
        """Compared one by one, since a difference of megabytes tells nobody anything."""
        numbers = list(numbers)
        self.assertEqual(len(taken), len(numbers))
        for i, (got, number) in enumerate(zip(taken, numbers)):
            self.assertTrue(got == workload(number, size), (i, number, got[:32]))


def resident_bytes(gmand):
    with open(f"/proc/{gmand.pid}/status", encoding="ascii") as status:
        line = next(line for line in status if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


class Backlog(BacklogTestCase):
    def test_it_outlives_a_kill_and_drains_in_order_within_its_memory(self):
        count = 4096  # 64 MiB
        with self.begin() as gmand:
            before = resident_bytes(gmand)
            self.submit_all(gmand, range(count))
            grown = resident_bytes(gmand) - before
            self.assertEqual(gmand.admin("status"), f"f\t{count}\t0\t0\n.\n")
            gmand.kill()
        with self.begin() as gmand:
            loaded = resident_bytes(gmand)
            self.assert_are(self.drain(gmand, count), range(count))
            drained = resident_bytes(gmand)
            self.assertEqual(gmand.admin("status"), "f\t0\t0\t0\n.\n")
            self.assertEqual(gmand.stop(), 0)
        self.assertEqual(self.rows(), [(0,)])
        if not is_sanitized():
            # The budget, records, batches under way and SQLite's pages; all of it is 64 MiB.
            for bytes_of in (grown, loaded - before, drained - before):
                self.assertLess(bytes_of, 32 << 20)


if __name__ == "__main__":
    unittest.main()
