# SPDX-License-Identifier: BSD-3-Clause
"""The admin protocol, byte for byte, and who may do what by it."""
import re
import unittest

from gmand import Gmand
from wire import *  # pylint: disable=wildcard-import,unused-wildcard-import


class Admin(unittest.TestCase):
    def setUp(self):
        self.gmand = self.enterContext(Gmand())

    def test_an_empty_server_answers_with_empty_lists(self):
        for line in ("status", "prioritystatus", "show jobs", "show unique jobs"):
            self.assertEqual(self.gmand.admin(line), ".\n")

    def test_status_counts_jobs_and_workers_by_function(self):
        with Peer(self.gmand.address) as worker, Peer(self.gmand.address) as client:
            worker.send(CAN_DO, "resize")
            worker.echo()
            for kind in (SUBMIT_JOB_HIGH_BG, SUBMIT_JOB_BG, SUBMIT_JOB_BG, SUBMIT_JOB_LOW_BG):
                client.submit("resize", kind=kind)
            worker.grab()
            self.assertEqual(self.gmand.admin("status"), "resize\t4\t1\t1\n.\n")
            self.assertEqual(self.gmand.admin("prioritystatus"), "resize\t0\t2\t1\t1\n.\n")

    def test_workers_lists_every_connection(self):
        with Peer(self.gmand.address) as worker, Peer(self.gmand.unix_socket) as local:
            worker.send(SET_CLIENT_ID, "w-1")
            worker.send(CAN_DO, "one")
            worker.send(CAN_DO, "two")
            worker.echo()
            local.echo()
            lines = self.gmand.admin("workers").splitlines(keepends=True)
            self.assertEqual(lines.pop(), ".\n")
            self.assertEqual(len(lines), 3, lines)
            self.assertTrue(any(re.fullmatch(r"\d+ 127\.0\.0\.1 w-1 : one two\n", line) or
                                re.fullmatch(r"\d+ 127\.0\.0\.1 w-1 : two one\n", line)
                                for line in lines), lines)
            self.assertEqual(sum(re.fullmatch(r"\d+ unix - :\n", line) is not None
                                 for line in lines), 2, lines)

    def test_show_jobs_and_unique_jobs_list_what_is_alive(self):
        with Peer(self.gmand.address) as client:
            handle = client.submit("f", b"x", "u-1", kind=SUBMIT_JOB_BG).decode()
            self.assertEqual(self.gmand.admin("show jobs"), f"{handle}\t0\t0\t0\n.\n")
            self.assertEqual(self.gmand.admin("show unique jobs"), "u-1\n.\n")

    def test_cancel_job_removes_it_and_tells_its_client(self):
        with Peer(self.gmand.address) as client:
            handle = client.submit("f", b"x")
            self.assertEqual(self.gmand.admin("cancel job " + handle.decode()), "OK\r\n")
            self.assertEqual(client.receive(), (WORK_FAIL, [handle]))
            self.assertEqual(self.gmand.admin("cancel job " + handle.decode()),
                             "ERR UNKNOWN_JOB\r\n")

    def test_functions_are_created_and_dropped(self):
        self.assertEqual(self.gmand.admin("create function resize"), "OK\r\n")
        self.assertEqual(self.gmand.admin("status"), "resize\t0\t0\t0\n.\n")
        self.assertEqual(self.gmand.admin("drop function resize"), "OK\r\n")
        self.assertEqual(self.gmand.admin("status"), ".\n")
        self.assertEqual(self.gmand.admin("drop function resize"),
                         "ERR function not found\r\n")
        with Peer(self.gmand.address) as worker:
            worker.send(CAN_DO, "resize")
            worker.echo()
            self.assertEqual(
                self.gmand.admin("drop function resize"),
                "ERR there are still connected workers or executing clients\r\n")

    def test_maxqueue_limits_what_waits(self):
        self.assertEqual(self.gmand.admin("maxqueue f 1"), "OK\r\n")
        with Peer(self.gmand.address) as client:
            client.submit("f", kind=SUBMIT_JOB_BG)
            self.assertEqual(client.request(SUBMIT_JOB_BG, "f", "", b""),
                             (ERROR, [b"QUEUE_ERROR", b"Job queue is full"]))

    def test_single_answers(self):
        self.assertRegex(self.gmand.admin("version"), r"^OK \d+\.\d+\.\d+\n$")
        self.assertEqual(self.gmand.admin("getpid"), f"OK {self.gmand.pid}\n")
        self.assertEqual(self.gmand.admin("VERBOSE"), "OK INFO\n")

    def test_mistakes_are_answered_as_gearmand_answers_them(self):
        self.assertEqual(self.gmand.admin("bogus"),
                         "ERR UNKNOWN_COMMAND Unknown+server+commandbogus\r\n")
        self.assertEqual(self.gmand.admin(" status"),
                         "ERR UNKNOWN_COMMAND Unknown+server+command\r\n")
        self.assertEqual(
            self.gmand.admin("maxqueue"),
            "ERR INVALID_ARGUMENTS "
            "An+incomplete+set+of+arguments+was+sent+to+this+command+maxqueue\r\n")
        self.assertEqual(self.gmand.admin("show me"), "ERR UNKNOWN_SHOW_ARGUMENTS\r\n")

    def test_every_socket_answers_admin_lines(self):
        for address in self.gmand.addresses:
            self.assertEqual(self.gmand.admin("getpid", over=address),
                             f"OK {self.gmand.pid}\n")

    def test_shutdown_is_unknown_over_tcp(self):
        self.assertEqual(self.gmand.admin("shutdown", over=self.gmand.address),
                         "ERR UNKNOWN_COMMAND Unknown+server+commandshutdown\r\n")
        self.assertEqual(self.gmand.admin("shutdown graceful", over=self.gmand.address),
                         "ERR UNKNOWN_COMMAND Unknown+server+commandshutdown\r\n")
        self.assertEqual(self.gmand.admin("getpid"), f"OK {self.gmand.pid}\n")

    def test_shutdown_over_the_unix_socket_is_obeyed(self):
        self.assertEqual(self.gmand.admin("shutdown"), "OK\r\n")
        self.assertEqual(self.gmand.wait(), 0)

    def test_shutdown_graceful_waits_for_queued_jobs_to_be_done(self):
        with Peer(self.gmand.address) as client, Peer(self.gmand.address) as worker:
            client.submit("f", b"x", kind=SUBMIT_JOB_BG)
            self.assertEqual(self.gmand.admin("shutdown graceful"), "OK\r\n")
            self.gmand.wait_log("finishing the queue")
            with self.assertRaises(ConnectionRefusedError):
                connect(self.gmand.address)
            worker.send(CAN_DO, "f")
            worker.send(WORK_COMPLETE, worker.grab()[0], b"")
            self.assertEqual(self.gmand.wait(), 0)

    def test_a_long_list_comes_whole(self):
        with Peer(self.gmand.address) as client:
            count = 20000
            client.send_bytes(b"".join(encode(SUBMIT_JOB_BG, f"f{n:05}", "", b"")
                                       for n in range(count)))
            for _ in range(count):
                self.assertEqual(client.receive().type, JOB_CREATED)
            self.assertEqual(sorted(self.gmand.admin("status").splitlines()),
                             sorted([f"f{n:05}\t1\t0\t0" for n in range(count)] + ["."]))


if __name__ == "__main__":
    unittest.main()
