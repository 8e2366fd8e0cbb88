# SPDX-License-Identifier: BSD-3-Clause
"""Peers that are slow, silent, gone or too many."""
import contextlib
import os
import socket
import struct
import time
import unittest

from gmand import Gmand, is_sanitized
from wire import *  # pylint: disable=wildcard-import,unused-wildcard-import


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak_bytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))


class MemoryTestCase(unittest.TestCase):
    def assert_bytes_below(self, measured, limit):
        if not is_sanitized():
            self.assertLess(measured, limit)


class SlowConsumers(MemoryTestCase):
    def test_one_that_does_not_read_is_closed_and_its_job_goes_to_another_worker(self):
        """The connection is a client whose results pile up and a worker with a job."""
        with Gmand("--output-bytes-max", str(4 << 20)) as gmand, \
                Peer(gmand.address) as slow, Peer(gmand.address) as client, \
                Peer(gmand.address) as chatty, Peer(gmand.address) as other:
            slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.send(CAN_DO, "job")
            handle = client.submit("job", b"work")
            self.assertEqual(slow.grab()[0], handle)

            chatty.send(CAN_DO, "talk")
            talk = slow.submit("talk")
            chatty.grab()
            other.send(CAN_DO, "job")
            for _ in range(40):
                chatty.send(WORK_DATA, talk, bytes(1 << 20))
            line = gmand.wait_log("reason=slow_consumer")
            self.assertIn("warn connection closed", line)
            self.assertEqual(other.grab(), (handle, b"job", b"work"))
            other.send(WORK_COMPLETE, handle, b"done")
            self.assertEqual(client.result(), b"done")
            self.assert_bytes_below(resident_bytes(gmand.pid), 40 << 20)

    def test_one_that_takes_no_byte_for_too_long_is_closed(self):
        with Gmand("--output-stall-seconds", "0.3") as gmand, Peer(gmand.address) as slow:
            # On a busy machine it may be closed before it has sent all.
            with contextlib.suppress(ConnectionError):
                for _ in range(16):
                    slow.send(ECHO_REQ, bytes(1 << 20))
            gmand.wait_log("reason=slow_consumer")

    def test_one_that_has_said_its_last_word_is_still_sent_its_answers(self):
        with Gmand() as gmand, Peer(gmand.address) as slow:
            data = os.urandom(12 << 20)
            slow.send(ECHO_REQ, data)
            slow.socket.shutdown(socket.SHUT_WR)
            gmand.wait_admin("workers", lambda answer: answer.count("\n") == 2)
            self.assertTrue(slow.receive(60) == (ECHO_RES, [data]))
            self.assertEqual(slow.receive_until_closed(), b"")

    def test_one_that_asks_for_much_and_reads_nothing_is_not_read_further(self):
        with Gmand() as gmand, Peer(gmand.address) as slow:
            slow.socket.settimeout(0.5)
            packet = encode(ECHO_REQ, bytes(1 << 20))
            with self.assertRaises(TimeoutError):
                for _ in range(200):
                    slow.socket.sendall(packet)
            self.assert_bytes_below(resident_bytes(gmand.pid), 64 << 20)
            with Peer(gmand.address) as other:
                other.echo()


class HalfPackets(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gmand = cls.enterClassContext(Gmand("--half-packet-seconds", "0.3"))

    def test_a_packet_that_does_not_go_on_ends_its_connection(self):
        for begun in (b"\0", encode(ECHO_REQ, "data")[:-1], b"versio",
                      encode(ECHO_REQ, "whole") + b"\0RE",
                      REQ + struct.pack(">II", ECHO_REQ, 64 << 20) + bytes(1000)):
            with self.subTest(begun[:20]), Peer(self.gmand.address) as peer:
                started = time.monotonic()
                peer.send_bytes(begun)
                peer.receive_until_closed()
                self.assertGreaterEqual(time.monotonic() - started, 0.3)
                self.gmand.wait_log("reason=half_packet")

    def test_a_byte_now_and_then_does_not_prolong_it(self):
        with Peer(self.gmand.address) as peer:
            started = time.monotonic()
            with self.assertRaises((Closed, ConnectionError)):
                for byte in encode(ECHO_REQ, "x" * 1000):
                    peer.send_bytes(bytes([byte]))
                    try:
                        peer.receive(0.05)
                    except TimeoutError:
                        pass
            self.assertLess(time.monotonic() - started, 10)

    def test_a_silent_connection_between_packets_stays(self):
        """Both were opened before the half one; it is closed, so their time was up as well."""
        with Peer(self.gmand.address) as idle, Peer(self.gmand.address) as sleeper, \
                Peer(self.gmand.address) as half:
            idle.echo()
            sleeper.send(CAN_DO, "nothing")
            sleeper.send(PRE_SLEEP)
            half.send_bytes(b"\0RE")
            half.receive_until_closed()
            idle.echo()
            sleeper.echo()


class LyingHeaders(MemoryTestCase):
    def test_announcing_64_mib_reserves_nothing(self):
        header = REQ + struct.pack(">II", ECHO_REQ, 64 << 20)
        with Gmand() as gmand, contextlib.ExitStack() as stack:
            with Peer(gmand.address) as peer:
                peer.echo()
            before = peak_bytes(gmand.pid)
            liars = [stack.enter_context(Peer(gmand.address)) for _ in range(100)]
            for liar in liars:
                liar.send_bytes(header + b"x")
            with Peer(gmand.address) as peer:
                peer.echo()
            self.assert_bytes_below(peak_bytes(gmand.pid) - before, 8 << 20)

    def test_memory_of_a_large_packet_is_given_back(self):
        with Gmand() as gmand, Peer(gmand.address) as peer:
            peer.echo()
            before = resident_bytes(gmand.pid)
            peer.echo(bytes(60 << 20))
            peer.echo()
            self.assertGreater(peak_bytes(gmand.pid) - before, 50 << 20)
            self.assert_bytes_below(resident_bytes(gmand.pid) - before, 4 << 20)


class LostWorkers(unittest.TestCase):
    def test_the_job_of_a_worker_that_is_gone_goes_to_another_under_its_handle(self):
        with Gmand() as gmand, Peer(gmand.address) as client, Peer(gmand.address) as other:
            lost = Peer(gmand.address)
            lost.send(CAN_DO, "job")
            handle = client.submit("job", b"w")
            self.assertEqual(lost.grab(), (handle, b"job", b"w"))
            other.send(CAN_DO, "job")
            self.assertEqual(other.request(GRAB_JOB), (NO_JOB, []))
            other.send(PRE_SLEEP)
            other.echo()
            # A reset, as when the worker's machine goes.
            lost.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            lost.close()
            self.assertEqual(other.receive(), (NOOP, []))
            self.assertEqual(other.grab(), (handle, b"job", b"w"))
            other.send(WORK_COMPLETE, handle, b"done")
            self.assertEqual(client.result(), b"done")

    def test_a_woken_worker_that_does_not_come_costs_the_job_no_more_than_a_moment(self):
        with Gmand() as gmand, Peer(gmand.address) as client, \
                Peer(gmand.address) as one, Peer(gmand.address) as two:
            for worker in (one, two):
                worker.send(CAN_DO, "job")
                worker.send(PRE_SLEEP)
                worker.echo()
            handle = client.submit("job")
            woken = one if two.is_silent(0.02) else two
            other = two if woken is one else one
            self.assertEqual(woken.receive(), (NOOP, []))
            self.assertEqual(other.receive(), (NOOP, []))
            self.assertEqual(other.grab()[0], handle)
            other.send(WORK_COMPLETE, handle, b"")
            client.result()

    def test_a_job_whose_workers_are_lost_too_often_fails(self):
        with Gmand("--job-retries", "2") as gmand, Peer(gmand.address) as client:
            handle = client.submit("job")
            for _ in range(2):
                with Peer(gmand.address) as worker:
                    worker.send(CAN_DO, "job")
                    self.assertEqual(worker.grab()[0], handle)
            self.assertEqual(client.receive(), (WORK_FAIL, [handle]))


class Refusals(unittest.TestCase):
    """Each limit at its edge, and what the one beyond it is told."""

    FULL = (ERROR, [b"QUEUE_ERROR", b"Job queue is full"])

    def submit(self, client, function, workload=b"x"):
        return client.request(SUBMIT_JOB_BG, function, "", workload)

    def test_jobs_that_wait_in_all_functions_together(self):
        with Gmand("--jobs-max", "3") as gmand, Peer(gmand.address) as client:
            for function in ("a", "b", "c"):
                self.assertEqual(self.submit(client, function).type, JOB_CREATED)
            self.assertEqual(self.submit(client, "d"),
                             (ERROR, [b"QUEUE_ERROR", b"Too many jobs wait: jobs-max"]))
            # The refused one is forgotten, and the connection goes on.
            self.assertNotIn("d\t1", gmand.admin("status"))
            client.echo()

    def test_jobs_that_wait_in_one_function_unless_maxqueue_says_something_else(self):
        with Gmand("--queue-max", "2") as gmand, Peer(gmand.address) as client:
            for _ in range(2):
                self.assertEqual(self.submit(client, "f").type, JOB_CREATED)
            self.assertEqual(self.submit(client, "f"), self.FULL)
            self.assertEqual(gmand.admin("maxqueue f 3"), "OK\r\n")
            self.assertEqual(self.submit(client, "f").type, JOB_CREATED)
            self.assertEqual(self.submit(client, "f"), self.FULL)
            self.assertEqual(gmand.admin("maxqueue g 0"), "OK\r\n")
            for _ in range(4):
                self.assertEqual(self.submit(client, "g").type, JOB_CREATED)

    def test_memory_of_jobs(self):
        with Gmand("--memory-max", "4M") as gmand, Peer(gmand.address) as client, \
                Peer(gmand.address) as worker:
            accepted = 0
            while self.submit(client, "f", bytes(1 << 18)).type == JOB_CREATED:
                accepted += 1
                self.assertLess(accepted, 17)
            self.assertEqual(accepted, 15)  # a job is its workload and a little more
            self.assertEqual(self.submit(client, "f", bytes(1 << 18)),
                             (ERROR, [b"QUEUE_ERROR", b"No memory left for jobs: memory-max"]))
            self.assertEqual(self.submit(client, "f", bytes(1000)).type, JOB_CREATED)
            worker.send(CAN_DO, "f")
            worker.send(WORK_COMPLETE, worker.grab()[0], b"")
            worker.echo()
            self.assertEqual(self.submit(client, "f", bytes(1 << 18)).type, JOB_CREATED)

    def test_the_body_of_a_packet(self):
        with Gmand("--packet-bytes-max", "2048") as gmand, Peer(gmand.address) as peer:
            for size in (2047, 2048):
                peer.echo(bytes(size))
            self.assertEqual(peer.request(ECHO_REQ, bytes(2049)),
                             (ERROR, [b"ARGUMENT_TOO_LARGE",
                                      b"Packet body announced above the limit of 2048 bytes"]))
            self.assertEqual(peer.receive_until_closed(), b"")

    def test_connections(self):
        with Gmand("--connections-max", "3", "--verbose", "DEBUG") as gmand, \
                contextlib.ExitStack() as stack:
            peers = [stack.enter_context(Peer(gmand.address)) for _ in range(3)]
            for peer in peers:
                peer.echo()
            refused = (ERROR, [b"TOO_MANY_CONNECTIONS",
                               b"The server has as many connections as it may: connections-max"])
            for _ in range(50):
                with Peer(gmand.address) as other:
                    self.assertEqual(other.receive(), refused)
                    self.assertEqual(other.receive_until_closed(), b"")
            # One that has asked already gets the reason all the same.
            with Peer(gmand.address) as other:
                other.send(ECHO_REQ, b"hello")
                self.assertEqual(other.receive(), refused)
            line = gmand.wait_log("connections refused")
            self.assertIn("reason=connections-max limit=3 count=1 peer=127.0.0.1", line)
            self.assertEqual(gmand.log().count("connections refused"), 1)
            # Somebody has to be able to look: the Unix socket has room for 16 more.
            operators = [stack.enter_context(Peer(gmand.unix_socket)) for _ in range(16)]
            for operator in operators:
                operator.echo()
            with Peer(gmand.unix_socket) as other:
                self.assertEqual(other.receive(), refused)
            for peer in (*operators, peers.pop()):
                peer.close()
            # A place that is free again is given to who comes next, once the server has seen it.
            until = time.monotonic() + 10
            answer = refused
            while answer == refused and time.monotonic() < until:
                with Peer(gmand.address) as other:
                    other.send(ECHO_REQ, b"at last")
                    answer = other.receive()
            self.assertEqual(answer, (ECHO_RES, [b"at last"]))
            for peer in peers:
                peer.echo()

    def test_a_flood_of_refused_connections_does_not_make_the_server_spin(self):
        with Gmand("--connections-max", "1") as gmand, Peer(gmand.address) as first:
            first.echo()
            for _ in range(200):
                with Peer(gmand.address) as other:
                    other.receive_until_closed()
            spent = cpu_seconds(gmand.pid)
            self.assertTrue(first.is_silent(0.5))
            self.assertLess(cpu_seconds(gmand.pid) - spent, 0.1)
            first.echo()


class ManyConnections(MemoryTestCase):
    def test_without_descriptors_newcomers_wait_and_the_server_does_not_spin(self):
        with Gmand(fds_max=64) as gmand, contextlib.ExitStack() as stack:
            first = stack.enter_context(Peer(gmand.address))
            peers = [stack.enter_context(Peer(gmand.address)) for _ in range(80)]
            gmand.wait_log("new connections wait")
            first.echo()
            peers[0].echo()
            self.assertTrue(peers[79].is_silent())
            peers[79].send(ECHO_REQ, "patience")

            spent = cpu_seconds(gmand.pid)
            # Longer than the server's own second, so that it looks again and fails again.
            self.assertTrue(peers[79].is_silent(1.5))
            self.assertLess(cpu_seconds(gmand.pid) - spent, 0.15)

            for peer in peers[:40]:
                peer.close()
            self.assertEqual(peers[79].receive(), (ECHO_RES, [b"patience"]))
            for peer in peers[40:]:
                peer.echo()
            self.assertEqual(gmand.log().count("new connections wait"), 1)

    def test_a_thousand_idle_connections_cost_little_memory(self):
        with Gmand() as gmand, contextlib.ExitStack() as stack:
            stack.enter_context(Peer(gmand.address)).echo()
            before = resident_bytes(gmand.pid)
            peers = [stack.enter_context(Peer(gmand.address)) for _ in range(1000)]
            for peer in peers:
                peer.echo(b"x" * 1000)
            self.assert_bytes_below((resident_bytes(gmand.pid) - before) / 1000, 2048)

    def test_many_connections_that_come_and_go_leave_nothing_behind(self):
        with Gmand() as gmand:
            def descriptors():
                return len(os.listdir(f"/proc/{gmand.pid}/fd"))
            with Peer(gmand.address) as peer:
                peer.echo()
                before = descriptors()
                for _ in range(300):
                    with Peer(gmand.address) as passing:
                        passing.send(SUBMIT_JOB, "f", "", b"x")
                gmand.wait_admin("workers", lambda answer: answer.count("\n") == 3)
                gmand.wait_admin("workers", lambda _: descriptors() <= before + 1)


if __name__ == "__main__":
    unittest.main()
