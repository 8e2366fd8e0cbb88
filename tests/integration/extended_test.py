# SPDX-License-Identifier: BSD-3-Clause
"""The packets from 1000 up, byte by byte, against a running gmand; and time limits that fail."""
import os
import pathlib
import signal
import struct
import subprocess
import time
import unittest

from gearmand import Gearmand
from gmand import BUILD_DIR, Gmand
from wire import *  # pylint: disable=wildcard-import,unused-wildcard-import

MANY_FUNCTIONS_WORKER = pathlib.Path(BUILD_DIR) / "bin" / "tests" / "many_functions_worker"
EXTENDED = {b"gman.submit": SUBMIT, b"gman.submit_many": SUBMIT_MANY,
            b"gman.can_do_many": CAN_DO_MANY}


class Extended(unittest.TestCase):
    def setUp(self):
        self.gmand = self.enterContext(Gmand())
        self.client = self.enterContext(Peer(self.gmand.address))
        self.worker = self.enterContext(Peer(self.gmand.address))

    def ask(self, peer, *names):
        for name in names:
            self.assertEqual(peer.request(OPTION_REQ, name), (OPTION_RES, [name]))

    def submit(self, unique, options, workload=b""):
        answer = self.client.request(SUBMIT, "f", unique, options, workload)
        self.assertEqual(answer.type, JOB_CREATED, answer)
        return answer.args[0]

    def test_each_packet_is_an_unknown_type_until_its_own_option_was_asked_for(self):
        for name, kind in EXTENDED.items():
            for body in (b"", b"f\0u\0mode=background\0w", b"\xff" * 100):
                with self.subTest(kind=kind, body=body), Peer(self.gmand.address) as peer:
                    self.ask(peer, *(EXTENDED.keys() - {name}))
                    peer.send_bytes(encode(kind, body) + encode(ECHO_REQ, "never answered"))
                    self.assertEqual(peer.receive(),
                                     (ERROR, [b"INVALID_COMMAND",
                                              b"No packet has this type number"]))
                    self.assertEqual(peer.receive_until_closed(), b"")

    def test_a_packet_may_follow_its_option_at_once(self):
        self.client.send_bytes(encode(OPTION_REQ, "gman.submit") +
                               encode(SUBMIT, "f", "u", "mode=background", b"w"))
        self.assertEqual(self.client.receive().type, OPTION_RES)
        self.assertEqual(self.client.receive().type, JOB_CREATED)

    def test_a_job_with_a_priority_and_a_time_runs_then_and_not_before(self):
        self.ask(self.client, b"gman.submit")
        self.worker.send(CAN_DO, "f")
        due = time.time() + 0.3
        handle = self.submit("u", f"priority=high,run_at={int(due * 1000)}", b"w")
        rows = self.gmand.admin("prioritystatus")
        self.assertIn("f\t1\t0\t0\t1\n", rows)
        self.assertEqual(self.worker.grab()[0], handle)
        self.assertGreaterEqual(time.time(), int(due * 1000) / 1000)
        self.worker.send(WORK_COMPLETE, handle, b"done")
        self.assertEqual(self.client.result(), b"done")

    def test_a_change_while_the_job_runs_is_a_job_of_its_own(self):
        self.ask(self.client, b"gman.submit")
        self.worker.send(CAN_DO, "f")
        options = "mode=background,unique_mode=until_start"
        first = self.submit("row", options)
        self.assertEqual(self.submit("row", options), first)
        self.assertEqual(self.worker.grab()[0], first)
        second = self.submit("row", options)
        self.assertNotEqual(second, first)
        self.assertEqual(self.submit("row", options), second)
        self.worker.send(WORK_COMPLETE, first, b"")
        self.assertEqual(self.worker.grab()[0], second)
        self.worker.send(WORK_COMPLETE, second, b"")
        self.worker.echo()
        self.assertIn("f\t0\t0\t1\n", self.gmand.admin("status"))

    def test_an_unknown_option_is_named_and_the_connection_goes_on(self):
        self.ask(self.client, b"gman.submit")
        self.assertEqual(self.client.request(SUBMIT, "f", "u", "colour=red", b"w"),
                         (ERROR, [b"UNKNOWN_OPTION", b"Unknown option colour"]))
        self.submit("u", "")

    def test_many_jobs_are_answered_one_by_one_and_keep_their_bytes(self):
        self.ask(self.client, b"gman.submit_many")
        every_byte = bytes(range(256))
        jobs = [(every_byte * 300, b"u1"), (b"", b""), (b"x", b"u" * 65), (b"joins", b"u1")]
        self.client.send(SUBMIT_MANY, "f", "mode=background",
                         b"".join(job_of_many(*job) for job in jobs))
        answers = [self.client.receive() for _ in jobs]
        self.assertEqual([a.type for a in answers], [JOB_CREATED, JOB_CREATED, ERROR, JOB_CREATED])
        self.assertEqual(answers[2].args, [b"ARGUMENT_TOO_LARGE", b"Unique value too large"])
        self.assertEqual(answers[3], answers[0])
        self.client.echo()
        self.worker.send(CAN_DO, "f")
        self.assertEqual(self.worker.grab()[2], every_byte * 300)
        self.assertEqual(self.worker.grab()[2], b"")

    def test_a_thousand_jobs_fit_and_one_more_closes(self):
        self.ask(self.client, b"gman.submit_many")
        jobs = b"".join(job_of_many(b"%d" % i) for i in range(1000))
        self.client.send(SUBMIT_MANY, "f", "mode=background", jobs)
        handles = {self.client.receive().args[0] for _ in range(1000)}
        self.assertEqual(len(handles), 1000)
        self.client.send(SUBMIT_MANY, "f", "mode=background", jobs + job_of_many(b"x"))
        self.assertEqual(self.client.receive(),
                         (ERROR, [b"ARGUMENT_TOO_LARGE", b"Packet above the limit of 1000 jobs"]))
        self.assertEqual(self.client.receive_until_closed(), b"")
        self.assertIn("f\t1000\t0\t0\n", self.gmand.admin("status"))

    def test_jobs_that_do_not_fill_the_packet_close_and_none_is_made(self):
        whole = job_of_many(b"one", b"u") + job_of_many(b"two")
        for jobs in (b"", whole[:-1], whole + b"\0", b"\0" + struct.pack(">I", 0xffffffff)):
            with self.subTest(jobs=jobs), Peer(self.gmand.address) as peer:
                self.ask(peer, b"gman.submit_many")
                peer.send(SUBMIT_MANY, "f", "mode=background", jobs)
                self.assertEqual(peer.receive().args[0], b"INVALID_PACKET")
                self.assertEqual(peer.receive_until_closed(), b"")
        self.assertEqual(self.gmand.admin("status"), ".\n")

    def test_functions_are_registered_in_bulk_up_to_their_limit(self):
        self.ask(self.worker, b"gman.can_do_many")
        pairs = [part for i in range(10_000) for part in (f"f{i}", "0")]
        self.worker.send(CAN_DO_MANY, *pairs)
        self.worker.echo()
        self.assertEqual(self.gmand.admin("status").count("\t0\t0\t1\n"), 10_000)
        handle = self.client.submit("f9999", kind=SUBMIT_JOB_BG)
        self.assertEqual(self.worker.request(GRAB_JOB).args[0], handle)
        self.worker.send(CAN_DO_MANY, *pairs, "one_more", "0")
        self.assertEqual(self.worker.receive(),
                         (ERROR, [b"ARGUMENT_TOO_LARGE",
                                  b"Packet above the limit of 10000 functions"]))
        self.worker.echo()
        self.assertNotIn("one_more", self.gmand.admin("status"))

    def test_a_worker_of_thousands_of_functions_serves_them_at_either_server(self):
        count = 2_000
        with Gearmand() as gearmand:
            for server in (self.gmand, gearmand):
                with self.subTest(server=type(server).__name__):
                    worker = subprocess.Popen(
                        [MANY_FUNCTIONS_WORKER, server.address, str(count)],
                        stdin=subprocess.DEVNULL)
                    try:
                        server.wait_admin(
                            "status", lambda rows: rows.count("\t0\t0\t1\n") == count, 30)
                        with Peer(server.address) as client:
                            client.submit("many_1999", b"Hello")
                            self.assertEqual(client.result(), b"olleH")
                    finally:
                        os.kill(worker.pid, signal.SIGTERM)
                        self.assertEqual(worker.wait(30), 0)


class TimeLimits(unittest.TestCase):
    def late_job(self, *args):
        """(client, worker, handle) of a job whose time is up."""
        gmand = self.enterContext(Gmand(*args))
        client = self.enterContext(Peer(gmand.address))
        worker = self.enterContext(Peer(gmand.address))
        worker.send(CAN_DO_TIMEOUT, "f", "50")
        handle = client.submit("f")
        self.assertEqual(worker.grab()[0], handle)
        worker.send(WORK_STATUS, handle, "1", "2")
        self.assertEqual(client.receive(), (WORK_STATUS, [handle, b"1", b"2"]))
        return client, worker, handle

    def test_a_late_job_fails_when_told_so_and_its_late_result_finds_no_job(self):
        client, worker, handle = self.late_job("--timeout-action", "fail")
        self.assertEqual(client.receive(), (WORK_FAIL, [handle]))
        self.assertEqual(worker.request(WORK_COMPLETE, handle, b"late").args[0], b"JOB_NOT_FOUND")
        self.assertEqual(client.request(GET_STATUS, handle).args[1:], [b"0", b"0", b"0", b"0"])

    def test_a_late_job_is_given_out_again_unless_told_otherwise(self):
        client, worker, handle = self.late_job()
        self.assertEqual(worker.grab()[0], handle)
        # Nothing was told, and the status of the lost attempt is forgotten.
        self.assertEqual(client.request(GET_STATUS, handle).args[1:], [b"1", b"1", b"0", b"0"])
        worker.send(WORK_COMPLETE, handle, b"in time")
        self.assertEqual(client.result(), b"in time")


if __name__ == "__main__":
    unittest.main()
