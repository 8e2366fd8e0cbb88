# SPDX-License-Identifier: BSD-3-Clause
"""What breaks the protocol gets the documented answer, and costs nobody else anything."""
import struct
import unittest

from gmand import Gmand
from wire import *  # pylint: disable=wildcard-import,unused-wildcard-import

BODY_BYTES_MAX = (64 << 20) + (64 << 10)


class Malformed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gmand = cls.enterClassContext(Gmand())

    def setUp(self):
        # Somebody else, in the middle of a job.
        self.client = self.enterContext(Peer(self.gmand.address))
        self.worker = self.enterContext(Peer(self.gmand.address))
        self.worker.send(CAN_DO, "steady")
        self.handle = self.client.submit("steady", b"work")
        self.assertEqual(self.worker.grab()[0], self.handle)

        self.peer = self.enterContext(Peer(self.gmand.address))
        self.peer.echo()

    def tearDown(self):
        self.worker.send(WORK_COMPLETE, self.handle, b"done")
        self.assertEqual(self.client.result(), b"done")
        self.worker.echo()

    def expect_error_and_close(self, code, text):
        answer = self.peer.receive()
        self.assertEqual(answer.type, ERROR)
        self.assertEqual(answer.args[0], code)
        self.assertIn(text, answer.args[1])
        self.assertEqual(self.peer.receive_until_closed(), b"")

    def expect_error_and_go_on(self, code, text):
        answer = self.peer.receive()
        self.assertEqual(answer.type, ERROR)
        self.assertEqual(answer.args[0], code)
        self.assertIn(text, answer.args[1])
        self.peer.echo()

    def test_a_wrong_magic_is_answered_and_closed(self):
        self.peer.send_bytes(b"\0XYZ")
        self.expect_error_and_close(b"INVALID_MAGIC", b"bad magic")

    def test_a_wrong_magic_is_noticed_at_its_first_byte(self):
        self.peer.send_bytes(b"\0\0")
        self.expect_error_and_close(b"INVALID_MAGIC", b"bad magic")

    def test_an_unknown_type_is_answered_and_closed(self):
        self.peer.send_bytes(REQ + struct.pack(">II", 999, 0))
        self.expect_error_and_close(b"INVALID_COMMAND", b"No packet has this type number")

    def test_a_body_announced_above_the_limit_is_refused_before_it_comes(self):
        self.peer.send_bytes(REQ + struct.pack(">II", ECHO_REQ, BODY_BYTES_MAX + 1))
        self.expect_error_and_close(b"ARGUMENT_TOO_LARGE", str(BODY_BYTES_MAX).encode())

    def test_a_peer_that_goes_on_sending_still_reads_why_it_was_closed(self):
        self.peer.send_bytes(REQ + struct.pack(">II", ECHO_REQ, BODY_BYTES_MAX + 1) +
                             bytes(8 << 20))
        self.expect_error_and_close(b"ARGUMENT_TOO_LARGE", str(BODY_BYTES_MAX).encode())

    def test_requests_before_the_broken_one_are_answered_first(self):
        self.peer.send_bytes(encode(ECHO_REQ, "first") + b"\0XYZ" + encode(ECHO_REQ, "never"))
        self.assertEqual(self.peer.receive(), (ECHO_RES, [b"first"]))
        self.expect_error_and_close(b"INVALID_MAGIC", b"bad magic")

    def test_a_missing_argument_is_an_error_of_that_packet_only(self):
        self.peer.send_bytes(encode(SUBMIT_JOB, "only-a-function"))
        self.expect_error_and_go_on(b"INVALID_PACKET", b"fewer arguments")

    def test_a_response_packet_is_an_error_of_that_packet_only(self):
        self.peer.send_bytes(encode(NOOP, magic=RES))
        self.expect_error_and_go_on(b"INVALID_MAGIC", b"Request magic expected")

    def test_a_packet_that_only_the_server_sends_is_an_error_of_that_packet_only(self):
        self.peer.send(JOB_CREATED, "H:x:1")
        self.expect_error_and_go_on(b"INVALID_COMMAND", b"Command not expected")

    def test_an_empty_function_name_is_an_error_of_that_packet_only(self):
        self.peer.send(SUBMIT_JOB, "", "", b"x")
        self.expect_error_and_go_on(b"INVALID_FUNCTION_NAME", b"empty")

    def test_a_function_name_one_byte_above_the_limit_is_refused(self):
        self.peer.submit("f" * 512, kind=SUBMIT_JOB_BG)
        self.peer.send(SUBMIT_JOB_BG, "f" * 513, "", b"")
        self.expect_error_and_go_on(b"ARGUMENT_TOO_LARGE", b"512")

    def test_a_unique_one_byte_above_the_limit_is_refused(self):
        self.peer.submit("u", b"", "u" * 64, kind=SUBMIT_JOB_BG)
        self.peer.send(SUBMIT_JOB_BG, "u", "u" * 65, b"")
        self.expect_error_and_go_on(b"ARGUMENT_TOO_LARGE", b"Unique value too large")

    def test_an_admin_line_without_end_is_answered_and_closed(self):
        self.peer.send_bytes(b"a" * 8192)
        self.assertRegex(self.peer.receive_until_closed(), rb"^ERR INVALID_COMMAND .*8192.*\r\n$")

    def test_an_admin_line_just_within_the_limit_is_answered(self):
        self.peer.send_bytes(b"a" * 8190 + b"\r\n")
        self.assertRegex(self.peer.receive_line(), rb"^ERR UNKNOWN_COMMAND ")
        self.peer.echo()

    def test_an_admin_line_of_eight_words_is_closed_and_of_seven_is_not(self):
        self.peer.send_bytes(b"a b c d e f g\n")
        self.assertEqual(self.peer.receive_line(),
                         b"ERR UNKNOWN_COMMAND Unknown+server+commanda\r\n")
        self.peer.send_bytes(b"a b c d e f g h\n")
        self.assertRegex(self.peer.receive_until_closed(), rb"^ERR INVALID_COMMAND .*7\+words")

    def test_a_workload_at_the_limit_passes_and_one_byte_more_is_refused_by_name(self):
        workload = b"\0" * (64 << 20)
        with Peer(self.gmand.address) as worker:
            worker.send(CAN_DO, "large")
            handle = self.peer.submit("large", workload)
            answer = worker.request(GRAB_JOB, seconds=60)
            self.assertEqual(answer.args[:2], [handle, b"large"])
            self.assertTrue(answer.args[2] == workload)
            worker.send(WORK_COMPLETE, handle, answer.args[2])
            self.assertTrue(self.peer.result(60) == workload)
        self.peer.send(SUBMIT_JOB, "large", "", workload + b"\0")
        answer = self.peer.receive(60)
        self.assertEqual(answer, (ERROR, [b"ARGUMENT_TOO_LARGE",
                                          b"Workload above the limit of 67108864 bytes"]))
        self.peer.echo()


if __name__ == "__main__":
    unittest.main()
