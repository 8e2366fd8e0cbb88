# SPDX-License-Identifier: BSD-3-Clause
"""A backlog larger than memory: what is beyond --workload-memory-max stays in the store, and comes
back in time, in order and as it was."""
import contextlib
import hashlib
import signal
import sqlite3
import time
import unittest

from faulty_disk import FaultyDisk
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

    def test_one_that_is_not_what_was_stored_is_lost_alone_and_loudly(self):
        count = 512
        with self.begin() as gmand:
            self.submit_all(gmand, range(count))
            first = self.rows("SELECT min(number) FROM job")[0][0]
            with contextlib.closing(sqlite3.connect(self.path)) as database, database:
                database.execute("UPDATE job SET workload = x'00' WHERE number = ?", (first + 200,))
                database.execute("DELETE FROM job WHERE number = ?", (first + 201,))
            left = [number for number in range(count) if number not in (200, 201)]
            self.assert_are(self.drain(gmand, len(left)), left)
            self.assertEqual(gmand.admin("status"), "f\t0\t0\t0\n.\n")
            for number, why in ((200, "its checksum does not match"),
                                (201, "somebody else has removed it")):
                line = next(line for line in gmand.log().splitlines()
                            if f"job={first + number} " in line)
                self.assertIn("error a job is lost, and will not be run", line)
                self.assertIn(why, line)
            self.assertEqual(gmand.stop(), 0)
        self.assertEqual(self.rows("SELECT number, reason FROM set_aside"),
                         [(first + 200, "its checksum does not match")])
        self.assertEqual(self.rows(), [(0,)])

    def test_who_waits_for_one_that_is_lost_is_told_that_it_failed(self):
        with self.begin() as gmand, Peer(gmand.address) as client:
            self.submit_all(gmand, range(128))
            background = client.submit("f", b"x" * 100, b"key", kind=SUBMIT_JOB_BG)
            self.assertEqual(client.submit("f", b"x" * 100, b"key"), background)
            with contextlib.closing(sqlite3.connect(self.path)) as database, database:
                database.execute("UPDATE job SET workload = x'00' WHERE unique_key = 'key'")
            self.drain(gmand, 128)
            with Peer(gmand.address) as worker:  # so that the last one is asked for
                worker.send(CAN_DO, "f")
                self.assertEqual(client.receive(), (WORK_FAIL, [background]))

    def test_delayed_jobs_and_those_that_lost_their_worker_are_in_their_places(self):
        due = int(time.time()) + 10
        with self.begin() as gmand:
            self.submit_all(gmand, range(256))
            with Peer(gmand.address, seconds=60) as client, Peer(gmand.address) as doomed:
                client.send_bytes(b"".join(
                    encode(SUBMIT_JOB_EPOCH, "f", "", str(due), workload(number))
                    for number in range(1000, 1100)))
                for _ in range(1000, 1100):
                    self.assertEqual(client.receive(60).type, JOB_CREATED)
                doomed.send(CAN_DO, "f")
                for number in range(10):
                    self.assertTrue(doomed.grab()[2] == workload(number))
            gmand.wait_admin("status", lambda text: "\t356\t0\t" in text)
            self.assertEqual(gmand.stop(), 0)  # their new places are stored
        with self.begin() as gmand:
            taken = self.drain(gmand, 356)
            self.assert_are(taken[:256], [*range(10, 256), *range(10)])
            self.assert_are(taken[256:], range(1000, 1100))

    def test_jobs_that_were_all_queued_again_are_loaded_within_the_memory(self):
        count, size = 1024, 64 << 10
        due = int(time.time()) + 15
        with self.begin() as gmand, Peer(gmand.address) as client:
            before = resident_bytes(gmand)
            client.send_bytes(b"".join(
                encode(SUBMIT_JOB_EPOCH, "f", "", str(due), workload(number, size))
                for number in range(count)))
            for number in range(count):
                self.assertEqual(client.receive(60).type, JOB_CREATED)
            self.assertLess(time.time(), due)
            gmand.wait_admin("prioritystatus", lambda text: f"f\t0\t{count}\t0\t0" in text)
            while self.rows("SELECT count(*) FROM job WHERE due_ms IS NOT NULL") != [(0,)]:
                client.echo()
            gmand.kill()
        with self.begin() as gmand:
            loaded = resident_bytes(gmand)
            taken = self.drain(gmand, count)
            self.assert_are(taken, range(count), size)
        if not is_sanitized():
            self.assertLess(loaded - before, size * count / 2)

    def test_a_budget_that_is_changed_holds_from_then_on(self):
        config = self.directory / "gmand.toml"
        config.write_text("workload-memory-max = 0\n")
        with self.start("--config-file", str(config)) as gmand:
            self.submit_all(gmand, range(256))
            gmand.admin("status")  # answered when all that is durable has its place in the queue
            config.write_text(f"workload-memory-max = {BUDGET}\n")
            gmand.signal(signal.SIGHUP)
            gmand.wait_log("configuration read again")
            self.submit_all(gmand, range(256, 512))
            with contextlib.closing(sqlite3.connect(self.path)) as database, database:
                # What is in memory is right all the same.
                database.execute("UPDATE job SET workload = x'00' WHERE number IN"
                                 " (SELECT number FROM job ORDER BY number LIMIT 256)")
            self.assert_are(self.drain(gmand, 256), range(256))
            self.assert_are(self.drain(gmand, 256), range(256, 512))


class Faults(BacklogTestCase):
    """What is away is not in memory when a file is written anew, nor is it while no disk reads."""

    COUNT = 1024

    def setUp(self):
        super().setUp()
        self.disk = FaultyDisk(self.directory)

    def begin(self, *options):
        return self.start("--workload-memory-max", str(BUDGET), "--memory-function", "passing",
                          *options, env=self.disk.env)

    def submit_and_fail_a_sync(self, gmand, spoil=None):
        self.submit_all(gmand, range(self.COUNT))
        if spoil is not None:
            with contextlib.closing(sqlite3.connect(self.path)) as database, database:
                database.execute(spoil)
        self.disk.rules("sync 1 1 EIO")
        self.submit_all(gmand, [self.COUNT])
        gmand.wait_log("the store works again")
        self.assertIn("the store is written anew from memory", gmand.log())
        self.disk.rules()

    def test_a_file_that_is_written_anew_has_what_was_away(self):
        with self.begin() as gmand:
            self.submit_and_fail_a_sync(gmand)
            self.assert_are(self.drain(gmand, 100), range(100))
            self.assertEqual(gmand.stop(), 0)
        with self.begin() as gmand:
            self.assert_are(self.drain(gmand, self.COUNT - 99), range(100, self.COUNT + 1))
            self.assertEqual(gmand.stop(), 0)
        self.assertEqual(self.rows(), [(0,)])

    def test_what_cannot_be_copied_from_the_old_file_is_set_aside_alone(self):
        with self.begin() as gmand:
            self.submit_and_fail_a_sync(gmand, "UPDATE job SET workload = x'00' WHERE number ="
                                               " (SELECT min(number) + 500 FROM job)")
            line = gmand.wait_log("a job is lost, and will not be run")
            self.assertIn("its checksum does not match", line)
            gmand.kill()
        self.assertEqual(self.rows("SELECT function_name, workload IS NULL FROM set_aside"),
                         [("f", 1)])
        left = [number for number in range(self.COUNT + 1) if number != 500]
        with self.begin() as gmand:
            self.assert_are(self.drain(gmand, len(left)), left)

    def test_a_disk_that_reads_nothing_for_a_while_loses_nothing(self):
        with self.begin() as gmand, Peer(gmand.address) as worker:
            self.submit_all(gmand, range(self.COUNT))
            self.disk.rules("read 1 0 EIO")
            taken, handles = [], []
            worker.send(CAN_DO, "f")
            while (answer := worker.request(GRAB_JOB)).type == JOB_ASSIGN:
                handles.append(answer.args[0])
                taken.append(answer.args[2])
            self.assertEqual(answer.type, NO_JOB)
            worker.send(PRE_SLEEP)
            line = gmand.wait_log("workloads cannot be read from the store")
            self.assertIn(str(self.path), line)
            self.assertIn("f\t", gmand.admin("status"))
            with Peer(gmand.address) as client, Peer(gmand.address) as other:
                client.submit("passing", b"goes on")
                other.send(CAN_DO, "passing")
                other.send(WORK_COMPLETE, other.grab()[0], b"result")
                self.assertEqual(client.result(), b"result")
            self.disk.rules()
            self.assertEqual(worker.receive(60).type, NOOP)
            for handle in handles:
                worker.send(WORK_COMPLETE, handle, b"")
            worker.echo()
            taken += self.drain(gmand, self.COUNT - len(taken))
            self.assert_are(taken, range(self.COUNT))
            self.assertNotIn("a job is lost", gmand.log())

    def test_a_disk_that_reads_nothing_while_the_file_is_written_anew_loses_nothing(self):
        with self.begin() as gmand, Peer(gmand.address) as client:
            self.submit_all(gmand, range(self.COUNT))
            self.disk.rules("sync 1 1 EIO", "read 1 0 EIO")
            client.send(SUBMIT_JOB_BG, "f", "", workload(self.COUNT))
            gmand.wait_log("the store is written anew from memory")
            self.assertTrue(client.is_silent())
            self.disk.rules()
            self.assertEqual(client.receive(60).type, JOB_CREATED)
            self.assert_are(self.drain(gmand, self.COUNT + 1), range(self.COUNT + 1))
            self.assertNotIn("a job is lost", gmand.log())


if __name__ == "__main__":
    unittest.main()
