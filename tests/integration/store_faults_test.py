# SPDX-License-Identifier: BSD-3-Clause
"""Disks that are full, read-only or failing: what was acknowledged is kept, what cannot be kept is
not acknowledged, and everything that needs no disk goes on."""
import contextlib
import os
import subprocess
import unittest

from gmand import BINARY
from small_disk import SmallDisk
from store_test import StoreTestCase
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

if __name__ == "__main__":
    unittest.main()
