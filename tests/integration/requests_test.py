# SPDX-License-Identifier: BSD-3-Clause
"""Every request that a peer may send, over every kind of socket, however its bytes are cut."""
import threading
import time
import unittest

from gmand import Gmand
from wire import *  # pylint: disable=wildcard-import,unused-wildcard-import


class Requests:
    """What must hold on any socket; subclasses say which one."""

    def address(self):
        raise NotImplementedError

    @classmethod
    def setUpClass(cls):
        cls.gmand = cls.enterClassContext(Gmand("--listen", "::1"))

    def setUp(self):
        self.function = self.id().rsplit(".", 1)[-1] + "." + type(self).__name__
        self.client = self.enterContext(Peer(self.address()))
        self.worker = self.enterContext(Peer(self.address()))

    def assign(self):
        """A worker that can do the test's function."""
        self.worker.send(CAN_DO, self.function)
        self.worker.echo()

    def test_a_foreground_job_runs_and_its_result_comes_back(self):
        for kind in SUBMITS_AND_WAITS:
            self.assign()
            handle = self.client.submit(self.function, b"in\0put", kind=kind)
            self.assertEqual(self.worker.grab(), (handle, self.function.encode(), b"in\0put"))
            self.worker.send(WORK_STATUS, handle, "1", "2")
            self.assertEqual(self.client.receive(), (WORK_STATUS, [handle, b"1", b"2"]))
            self.worker.send(WORK_DATA, handle, b"part")
            self.assertEqual(self.client.receive(), (WORK_DATA, [handle, b"part"]))
            self.worker.send(WORK_WARNING, handle, b"hm")
            self.assertEqual(self.client.receive(), (WORK_WARNING, [handle, b"hm"]))
            self.worker.send(WORK_COMPLETE, handle, b"out\0put")
            self.assertEqual(self.client.receive(), (WORK_COMPLETE, [handle, b"out\0put"]))

    def test_a_background_job_runs_after_its_client_has_gone(self):
        for kind in SUBMITS_BACKGROUND:
            with Peer(self.address()) as passing:
                handle = passing.submit(self.function, b"later", kind=kind)
            self.assign()
            self.assertEqual(self.worker.grab(), (handle, self.function.encode(), b"later"))
            self.worker.send(WORK_COMPLETE, handle, b"")
            self.worker.echo()

    def test_a_job_for_a_time_that_has_come_runs(self):
        answer = self.client.request(SUBMIT_JOB_EPOCH, self.function, "", "1", b"due")
        self.assertEqual(answer.type, JOB_CREATED)
        self.assign()
        handle, _, workload = self.worker.grab()
        self.assertEqual([handle, workload], [answer.args[0], b"due"])
        self.worker.send(WORK_COMPLETE, handle, b"")

    def test_a_job_for_a_time_to_come_wakes_its_worker_then(self):
        self.assign()
        due = int(time.time()) + 1
        handle = self.client.request(SUBMIT_JOB_EPOCH, self.function, "", str(due), b"").args[0]
        self.assertEqual(self.worker.grab()[0], handle)
        self.assertGreaterEqual(time.time(), due)
        self.worker.send(WORK_COMPLETE, handle, b"")

    def test_failure_reaches_the_client(self):
        self.assign()
        handle = self.client.submit(self.function)
        self.worker.grab()
        self.worker.send(WORK_FAIL, handle)
        self.assertEqual(self.client.receive(), (WORK_FAIL, [handle]))

    def test_an_exception_reaches_the_client_that_asked_for_it(self):
        self.assertEqual(self.client.request(OPTION_REQ, "exceptions"),
                         (OPTION_RES, [b"exceptions"]))
        self.assign()
        handle = self.client.submit(self.function)
        self.worker.grab()
        self.worker.send(WORK_EXCEPTION, handle, b"why")
        self.assertEqual(self.client.receive(), (WORK_EXCEPTION, [handle, b"why"]))

    def test_each_way_of_grabbing_tells_what_it_promises(self):
        self.assign()
        name = self.function.encode()
        for kind in (GRAB_JOB, GRAB_JOB_UNIQ, GRAB_JOB_ALL):
            self.assertEqual(self.worker.request(kind), (NO_JOB, []))
        handle = self.client.submit(self.function, b"w", "u1")
        self.assertEqual(self.worker.request(GRAB_JOB), (JOB_ASSIGN, [handle, name, b"w"]))
        self.worker.send(WORK_COMPLETE, handle, b"")
        self.client.result()
        handle = self.client.submit(self.function, b"w", "u2")
        self.assertEqual(self.worker.request(GRAB_JOB_UNIQ),
                         (JOB_ASSIGN_UNIQ, [handle, name, b"u2", b"w"]))
        self.worker.send(WORK_COMPLETE, handle, b"")
        self.client.result()
        answer = self.client.request(SUBMIT_REDUCE_JOB, self.function, "u3", "sum", "", b"w")
        handle = answer.args[0]
        self.assertEqual(self.worker.request(GRAB_JOB_ALL),
                         (JOB_ASSIGN_ALL, [handle, name, b"u3", b"sum", b"w"]))
        self.worker.send(WORK_COMPLETE, handle, b"")
        self.client.result()

    def test_a_sleeping_worker_is_woken_by_a_job(self):
        self.assign()
        self.worker.send(PRE_SLEEP)
        self.worker.send(SET_CLIENT_ID, "sleeper")
        self.gmand.wait_admin("workers", lambda answer: " sleeper : " + self.function in answer)
        handle = self.client.submit(self.function)
        self.assertEqual(self.worker.receive(), (NOOP, []))
        self.assertEqual(self.worker.request(GRAB_JOB).args[0], handle)
        self.worker.send(WORK_FAIL, handle)

    def test_a_worker_that_cannot_any_more_is_given_nothing(self):
        self.worker.send(CAN_DO_TIMEOUT, self.function, "60000")
        self.worker.send(CANT_DO, self.function)
        self.client.submit(self.function, kind=SUBMIT_JOB_BG)
        self.assertEqual(self.worker.request(GRAB_JOB), (NO_JOB, []))
        self.assign()
        self.worker.send(RESET_ABILITIES)
        self.assertEqual(self.worker.request(GRAB_JOB), (NO_JOB, []))

    def test_status_of_a_job_by_handle_and_by_unique(self):
        handle = self.client.submit(self.function, b"", self.function)
        self.assertEqual(self.client.request(GET_STATUS, handle),
                         (STATUS_RES, [handle, b"1", b"0", b"0", b"0"]))
        self.assign()
        self.worker.grab()
        self.worker.send(WORK_STATUS, handle, "3", "9")
        self.worker.echo()
        self.assertEqual(self.client.receive().type, WORK_STATUS)
        self.assertEqual(
            self.client.request(GET_STATUS_UNIQUE, self.function),
            (STATUS_RES_UNIQUE, [self.function.encode(), b"1", b"1", b"3", b"9", b"1"]))
        self.worker.send(WORK_COMPLETE, handle, b"")
        self.client.result()
        self.assertEqual(self.client.request(GET_STATUS, handle),
                         (STATUS_RES, [handle, b"0", b"0", b"0", b"0"]))

    def test_echo_keeps_every_byte(self):
        for data in (b"", b"\0", bytes(range(256)) * 300):
            self.assertEqual(self.client.request(ECHO_REQ, data), (ECHO_RES, [data]))

    def test_a_thousand_requests_in_one_write_are_answered_in_order(self):
        self.client.send_bytes(b"".join(encode(ECHO_REQ, str(n)) for n in range(1000)))
        for number in range(1000):
            self.assertEqual(self.client.receive(), (ECHO_RES, [str(number).encode()]))

    def test_packets_and_admin_lines_may_alternate_in_one_write(self):
        self.client.send_bytes(encode(ECHO_REQ, "1") + b"version\n" + encode(ECHO_REQ, "2") +
                               b"getpid\r\n" + encode(ECHO_REQ, "3"))
        self.assertEqual(self.client.receive().args, [b"1"])
        self.assertRegex(self.client.receive_line(), rb"^OK \d+\.\d+\.\d+\n$")
        self.assertEqual(self.client.receive().args, [b"2"])
        self.assertEqual(self.client.receive_line(), b"OK %d\n" % self.gmand.pid)
        self.assertEqual(self.client.receive().args, [b"3"])

    def test_bytes_sent_one_by_one_are_the_same_packets(self):
        data = (encode(CAN_DO, self.function) + encode(SUBMIT_JOB, self.function, "", b"x\0y") +
                b"version\r\n" + encode(GRAB_JOB))
        for index in range(len(data)):
            self.client.send_bytes(data[index:index + 1])
        handle = self.client.receive().args[0]
        self.assertRegex(self.client.receive_line(), rb"^OK ")
        self.assertEqual(self.client.receive(),
                         (JOB_ASSIGN, [handle, self.function.encode(), b"x\0y"]))
        self.client.send(WORK_FAIL, handle)

    def test_a_packet_larger_than_any_buffer_arrives_whole_between_small_ones(self):
        large = bytes(range(256)) * 4096 * 3
        self.client.send_bytes(encode(ECHO_REQ, "before") + encode(ECHO_REQ, large) +
                               encode(ECHO_REQ, "after"))
        self.assertEqual(self.client.receive().args, [b"before"])
        self.assertEqual(self.client.receive(30).args, [large])
        self.assertEqual(self.client.receive().args, [b"after"])

    def test_much_that_is_sent_before_anything_is_read_is_answered(self):
        """The server stops reading for a while, not for good, when its answers are not read."""
        count, data = 3000, b"x" * 16384
        packets = encode(ECHO_REQ, data) * count
        sender = threading.Thread(target=lambda: self.client.socket.sendall(packets))
        self.client.socket.settimeout(60)
        sender.start()
        with Peer(self.address()) as other:
            other.echo(b"nobody else waits")
        received = 0
        while received < (12 + len(data)) * count:
            received += len(self.client.socket.recv(1 << 20))
        sender.join()
        self.client.echo()


class OverTcp4(Requests, unittest.TestCase):
    def address(self):
        return self.gmand.address


class OverTcp6(Requests, unittest.TestCase):
    def address(self):
        return next(a for a in self.gmand.addresses if a.startswith("[::1]:"))


class OverUnixSocket(Requests, unittest.TestCase):
    def address(self):
        return self.gmand.unix_socket


if __name__ == "__main__":
    unittest.main()
