# SPDX-License-Identifier: BSD-3-Clause
"""Disks that are full, read-only or failing: what was acknowledged is kept, what cannot be kept is
not acknowledged, and everything that needs no disk goes on."""
import contextlib
import subprocess
import unittest

from faulty_disk import FaultyDisk
from gmand import BINARY
from kept_jobs import Reckoning, StoreTestCase
from small_disk import SmallDisk
from wire import *  # pylint: disable=wildcard-import,unused-wildcard-import

FAILS = "the store fails, it is being tried again"
GIVEN_UP = "clients are told that the store fails"
WORKS = "the store works again"


class FaultTestCase(StoreTestCase):
    def start(self, *options, **more):
        return super().start("--memory-function", "passing", *options, **more)

    def assert_goes_on_without_disk(self, gmand):
        """Reads, foreground jobs and functions for memory only."""
        self.assertIn("f\t", gmand.admin("status"))
        with Peer(gmand.address) as client, Peer(gmand.address) as worker:
            client.submit("passing", b"background", kind=SUBMIT_JOB_BG)
            worker.send(CAN_DO, "passing")
            worker.send(WORK_COMPLETE, worker.grab()[0], b"")
            client.submit("passing", b"foreground")
            worker.send(WORK_COMPLETE, worker.grab()[0], b"result")
            self.assertEqual(client.result(), b"result")

    def assert_refused(self, answer, *words):
        self.assertEqual(answer.type, ERROR, answer)
        code, text = (arg.decode() for arg in answer.args)
        self.assertEqual(code, "STORE_ERROR")
        for word in words:
            self.assertIn(word, text)


class DiskFull(FaultTestCase):
    def submit_until_it_waits(self, gmand, client):
        """Jobs of 60,000 bytes, until one is not acknowledged. The acknowledged ones, and it."""
        acknowledged = []
        for number in range(2000):
            word = f"{number}".ljust(60_000)
            client.send(SUBMIT_JOB_BG, "f", "", word)
            while client.is_silent(0.02):
                if FAILS in gmand.log():
                    return acknowledged, word
            self.assertEqual(client.receive().type, JOB_CREATED)
            acknowledged.append(word)
        self.fail("the disk takes more than there is room for")

    def test_a_full_disk_stops_acknowledgements_and_jobs_that_are_done_make_room_again(self):
        with SmallDisk(self.directory, "size=32m") as disk:
            with (self.start("--store-patience-seconds", "2", prefix=disk.prefix) as gmand,
                  Peer(gmand.address) as client):
                acknowledged, refused = self.submit_until_it_waits(gmand, client)
                self.assertGreater(len(acknowledged), 50)
                self.assertIn("no room", gmand.wait_log(FAILS))
                self.assert_goes_on_without_disk(gmand)
                self.assert_refused(client.receive(), "not stored", str(self.path), "no room")
                gmand.wait_log(GIVEN_UP)
                # From now on nobody waits to hear that.
                self.assert_refused(client.request(SUBMIT_JOB_BG, "f", "", b"x"), "no room")
                self.assert_goes_on_without_disk(gmand)

                done = []
                with Peer(gmand.address) as worker:
                    worker.send(CAN_DO, "f")
                    while WORKS not in gmand.log() and len(done) < len(acknowledged):
                        handle, _, word = worker.grab()
                        done.append(word.decode())
                        worker.send(WORK_COMPLETE, handle, b"")
                gmand.wait_log(WORKS)
                last = "acknowledged again"
                client.submit("f", last.encode(), kind=SUBMIT_JOB_BG)
                gmand.kill()
            with self.start(prefix=disk.prefix) as gmand:
                recovered = [word for _, word in self.grab_all(gmand, "f")]
        self.assertNotIn(refused, recovered)
        kept = [word for word in acknowledged if word not in done] + [last]
        self.assertEqual([word for word in recovered if word not in done], kept)
        self.assertLessEqual(set(recovered), set(acknowledged) | {last})

class ReadOnly(FaultTestCase):
    def refusal(self, disk):
        done = subprocess.run([*disk.prefix, BINARY, "--port", "0", "--listen", "127.0.0.1",
                               "--store", f"sqlite:{self.path}"],
                              capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 2, done)
        self.assertIn(str(self.path), done.stderr)
        return done.stderr

    def test_a_read_only_disk_without_a_store_is_refused_by_name(self):
        with SmallDisk(self.directory, "size=32m") as disk:
            disk.remount("ro")
            self.assertIn("Read-only file system", self.refusal(disk))

    def test_a_read_only_disk_with_jobs_is_refused_and_keeps_them(self):
        with SmallDisk(self.directory, "size=32m") as disk:
            with self.start(prefix=disk.prefix) as gmand, Peer(gmand.address) as client:
                client.submit("f", b"kept", kind=SUBMIT_JOB_BG)
                gmand.kill()
            disk.remount("ro")
            self.assertIn("Read-only file system", self.refusal(disk))
            disk.remount("rw")
            with self.start(prefix=disk.prefix) as gmand:
                self.assertEqual(self.grab_all(gmand, "f"), [("f", "kept")])


class FaultyDiskTestCase(FaultTestCase):
    def setUp(self):
        super().setUp()
        self.disk = FaultyDisk(self.directory)

    def start_on_faulty_disk(self, *options):
        return self.start(*options, env=self.disk.env)


class Failing(FaultyDiskTestCase):
    """After these the file is not trusted again: a new one is written from memory."""

    def assert_survives(self, rule, cause):
        with self.start_on_faulty_disk() as gmand, Peer(gmand.address) as client:
            for word in (b"first", b"second", b"done"):
                client.submit("f" if word != b"done" else "g", word, kind=SUBMIT_JOB_BG)
            self.grab_all(gmand, "g")
            self.disk.rules(rule)
            client.send(SUBMIT_JOB_BG, "f", "", b"while it failed")
            line = gmand.wait_log(FAILS)
            for word in (str(self.path), cause):
                self.assertIn(word, line)
            if rule.split()[2] == "0":
                self.assertTrue(client.is_silent())
                self.assert_goes_on_without_disk(gmand)
            self.disk.rules()
            self.assertEqual(client.receive().type, JOB_CREATED)
            gmand.wait_log(WORKS)
            client.submit("f", b"after it", kind=SUBMIT_JOB_BG)
            gmand.kill()
        with self.start() as gmand:
            self.assertEqual(self.grab_all(gmand, "f", "g"),
                             [("f", word) for word in
                              ("first", "second", "while it failed", "after it")])

    def test_one_failed_sync(self):
        self.assert_survives("sync 1 1 EIO", "in a sync (Input/output error)")

    def test_syncs_that_fail_for_a_while(self):
        self.assert_survives("sync 1 0 EIO", "in a sync (Input/output error)")

    def test_one_failed_write(self):
        self.assert_survives("write 1 1 EIO", "in a write (Input/output error)")

    def test_writes_that_fail_for_a_while(self):
        self.assert_survives("write 1 0 EIO", "in a write (Input/output error)")

    def test_a_disk_that_is_read_only_for_a_while(self):
        """As a kernel makes it when it has found the file system to be damaged."""
        self.assert_survives("any 1 0 EROFS", "Read-only file system")

    def test_clients_are_told_after_the_patience_and_served_again_afterwards(self):
        with (self.start_on_faulty_disk("--store-patience-seconds", "1") as gmand,
              Peer(gmand.address) as client):
            client.submit("f", b"acknowledged", kind=SUBMIT_JOB_BG)
            self.disk.rules("any 1 0 EIO")
            answer = client.request(SUBMIT_JOB_BG, "f", "", b"refused")
            self.assert_refused(answer, "not stored", str(self.path), "Input/output error")
            self.assert_refused(client.request(SUBMIT_JOB_BG, "f", "", b"refused"))
            self.assert_goes_on_without_disk(gmand)
            self.disk.rules()
            gmand.wait_log(WORKS)
            client.submit("f", b"again", kind=SUBMIT_JOB_BG)
            gmand.kill()
        with self.start() as gmand:
            self.assertEqual(self.grab_all(gmand, "f"), [("f", "acknowledged"), ("f", "again")])

    def test_a_stop_meanwhile_takes_as_long_as_a_drain_and_says_what_it_means(self):
        with (self.start_on_faulty_disk("--drain-seconds", "1") as gmand,
              Peer(gmand.address) as client):
            client.submit("f", b"acknowledged", kind=SUBMIT_JOB_BG)
            self.disk.rules("any 1 0 EIO")
            client.send(SUBMIT_JOB_BG, "f", "", b"promised to nobody")
            gmand.wait_log(FAILS)
            self.assertEqual(gmand.stop(), 0)
            self.assertIn("stopped before the store had everything", gmand.log())
            self.assertEqual(client.receive_until_closed(), b"")
        self.disk.rules()
        with self.start() as gmand:
            left = [word for _, word in self.grab_all(gmand, "f")]
            self.assertIn(left, (["acknowledged"], ["acknowledged", "promised to nobody"]))


class KilledAt(FaultyDiskTestCase):
    """The process ends at a chosen call. What it had given to the kernel outlives it; a power cut
    is for tests/unit/store/power_loss_test.cpp."""

    def left_after_death_at(self, rule, workload=b"x"):
        """The workloads that are there after a client submitted one job, and died with it."""
        with self.start_on_faulty_disk() as gmand, Peer(gmand.address) as client:
            self.disk.rules(rule)
            client.send(SUBMIT_JOB_BG, "f", "", workload)
            self.assertEqual(client.receive_until_closed(), b"")
            gmand.wait()
        with self.start() as gmand:
            return [word for _, word in self.grab_all(gmand, "f")]

    def test_before_anything_of_a_batch_is_written_leaves_nothing_of_it(self):
        self.assertEqual(self.left_after_death_at("write 1 1 kill-before"), [])

    def test_in_the_middle_of_a_batch_leaves_nothing_of_it(self):
        """What is small is written at once; this takes several writes."""
        self.assertEqual(self.left_after_death_at("write 2 1 kill-before", bytes(1 << 20)), [])

    def test_between_commit_and_acknowledgement_keeps_the_job_that_nobody_was_told_of(self):
        """Its client does not know, and has to submit again: with a unique, that joins this one."""
        self.assertEqual(self.left_after_death_at("sync 1 1 kill-after"), ["x"])

    def test_any_call_of_its_first_start_leaves_what_the_next_can_begin_with(self):
        for call in ("write", "sync", "rename", "any"):
            for number in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64):
                self.disk.rules(f"{call} {number} 1 kill-before")
                with contextlib.suppress(AssertionError), self.start_on_faulty_disk() as gmand:
                    gmand.stop()
                self.disk.rules()
                with self.start_on_faulty_disk() as gmand, Peer(gmand.address) as client:
                    client.submit("f", b"x", kind=SUBMIT_JOB_BG)
                    gmand.kill()
                with self.start() as gmand:
                    self.assertEqual(self.grab_all(gmand, "f"), [("f", "x")])
                for left in self.directory.glob("jobs.db*"):
                    left.unlink()

    def test_any_call_while_a_failed_file_is_written_anew_keeps_every_acknowledged_job(self):
        deaths = 0
        for call in (*range(2, 60, 2), *range(60, 360, 30)):
            self.disk.rules()
            with (self.subTest(call=call), self.start_on_faulty_disk() as gmand,
                  Peer(gmand.address) as client):
                client.submit("f", b"first", kind=SUBMIT_JOB_BG)
                acknowledged = ["first"]
                self.disk.rules("sync 1 1 EIO", f"any {call} 1 kill-before")
                client.send(SUBMIT_JOB_BG, "f", "", b"second")
                try:
                    self.assertEqual(client.receive().type, JOB_CREATED)
                    acknowledged.append("second")
                    gmand.kill()
                except (Closed, ConnectionResetError):
                    gmand.wait()
                    deaths += 1
            with self.subTest(call=call), self.start() as gmand:
                left = [word for _, word in self.grab_all(gmand, "f")]
                self.assertIn(left, (acknowledged, ["first", "second"]))
                self.assertEqual(gmand.stop(), 0)
        self.assertGreater(deaths, 30)

    def test_any_write_or_sync_loses_and_invents_nothing(self):
        reckoning = Reckoning()
        points = [(call, number, when) for call, when in
                  (("write", "kill-before"), ("sync", "kill-before"), ("sync", "kill-after"))
                  for number in (1, 2, 3, 5, 9, 20)]
        for life, (call, number, when) in enumerate(points):
            self.disk.rules()
            with self.start_on_faulty_disk() as gmand:
                self.disk.rules(f"{call} {number} 1 {when}")
                self.live(reckoning.clients(2, gmand.address, str(life)),
                          reckoning.workers(1, gmand.address), gmand.wait)
        with self.start() as gmand:
            left = [word for _, word in self.grab_all(gmand, "f")]
        self.assertGreater(len(reckoning.acknowledged), len(points))
        reckoning.assert_settled(self, left)


if __name__ == "__main__":
    unittest.main()
