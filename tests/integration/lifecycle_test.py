# SPDX-License-Identifier: BSD-3-Clause
"""How a gmand starts, stops, and what is left of it."""
import json
import os
import pathlib
import signal
import socket
import stat
import subprocess
import tempfile
import time
import unittest

from gmand import BINARY, Gmand
from wire import *  # pylint: disable=wildcard-import,unused-wildcard-import


def run(*args):
    """A gmand that is expected to end by itself."""
    return subprocess.run([BINARY, *args], capture_output=True, text=True, timeout=30, check=False)


class Stopping(unittest.TestCase):
    def start_job(self, gmand):
        client = self.enterContext(Peer(gmand.address))
        worker = self.enterContext(Peer(gmand.address))
        worker.send(CAN_DO, "job")
        handle = client.submit("job", b"work")
        self.assertEqual(worker.grab()[0], handle)
        return client, worker, handle

    def test_sigterm_lets_a_running_job_finish_and_then_exits_0(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with Gmand() as gmand:
                client, worker, handle = self.start_job(gmand)
                queued = client.submit("job", b"too late", kind=SUBMIT_JOB_BG)
                gmand.signal(number)
                self.assertIn("jobs_running=1", gmand.wait_log("draining"))
                with self.assertRaises(ConnectionRefusedError):
                    connect(gmand.address)
                # Nothing new is begun, not even for who asks.
                self.assertEqual(worker.request(GRAB_JOB), (NO_JOB, []))
                self.assertEqual(client.request(GET_STATUS, queued).args[1:3], [b"1", b"0"])
                worker.send(WORK_COMPLETE, handle, b"done")
                self.assertEqual(client.result(), b"done")
                self.assertEqual(gmand.wait(), 0)
                self.assertIn("jobs_dropped_running=0 jobs_dropped_queued=1",
                              gmand.wait_log("stopped"))

    def test_a_large_last_result_is_sent_to_its_end(self):
        with Gmand() as gmand:
            client, worker, handle = self.start_job(gmand)
            gmand.signal(signal.SIGTERM)
            gmand.wait_log("draining")
            result = os.urandom(1 << 20) * 32
            worker.send(WORK_COMPLETE, handle, result)
            self.assertTrue(client.result(30) == result)
            self.assertEqual(gmand.wait(), 0)

    def test_a_job_that_does_not_end_is_waited_for_only_so_long(self):
        with Gmand("--drain-seconds", "0.3") as gmand:
            self.start_job(gmand)
            started = time.monotonic()
            self.assertEqual(gmand.stop(), 0)
            self.assertGreaterEqual(time.monotonic() - started, 0.3)
            self.assertLess(time.monotonic() - started, 5)
            self.assertIn("jobs_dropped_running=1", gmand.wait_log("stopped"))

    def test_a_second_signal_ends_it_at_once(self):
        with Gmand("--drain-seconds", "3600") as gmand:
            self.start_job(gmand)
            gmand.signal(signal.SIGTERM)
            gmand.wait_log("draining")
            gmand.signal(signal.SIGTERM)
            self.assertEqual(gmand.wait(), 0)

    def test_an_idle_server_stops_without_waiting(self):
        with Gmand("--drain-seconds", "3600") as gmand, Peer(gmand.address) as peer:
            peer.echo()
            self.assertEqual(gmand.stop(), 0)
            self.assertEqual(peer.receive_until_closed(), b"")

    def test_sigusr1_finishes_the_queue_and_ends(self):
        with Gmand() as gmand:
            client, worker, handle = self.start_job(gmand)
            client.submit("job", b"next", kind=SUBMIT_JOB_BG)
            gmand.signal(signal.SIGUSR1)
            gmand.wait_log("finishing the queue")
            worker.send(WORK_COMPLETE, handle, b"")
            worker.send(WORK_COMPLETE, worker.grab()[0], b"")
            self.assertEqual(gmand.wait(), 0)
            self.assertIn("jobs_dropped_queued=0", gmand.wait_log("stopped"))

    def test_sigusr1_waits_for_jobs_that_are_not_yet_due(self):
        with Gmand() as gmand, Peer(gmand.address) as client, Peer(gmand.address) as worker:
            worker.send(CAN_DO, "later")
            due = int(time.time()) + 2
            client.request(SUBMIT_JOB_EPOCH, "later", "", str(due), b"due")
            gmand.signal(signal.SIGUSR1)
            self.assertIn("jobs_scheduled=1", gmand.wait_log("finishing the queue"))
            worker.send(WORK_COMPLETE, worker.grab()[0], b"")
            self.assertEqual(gmand.wait(), 0)
            self.assertIn("jobs_dropped_scheduled=0", gmand.wait_log("stopped"))

    def test_sigterm_after_sigusr1_does_not_wait_for_the_queue(self):
        with Gmand() as gmand, Peer(gmand.address) as client:
            client.submit("nobody", kind=SUBMIT_JOB_BG)
            gmand.signal(signal.SIGUSR1)
            gmand.wait_log("finishing the queue")
            self.assertEqual(gmand.stop(), 0)


class Starting(unittest.TestCase):
    def test_handles_differ_after_a_restart(self):
        handles = set()
        for _ in range(3):
            with Gmand() as gmand, Peer(gmand.address) as client:
                handle = client.submit("f", kind=SUBMIT_JOB_BG)
                self.assertRegex(handle, rb"^H:[^:]+:[0-9a-z]{8,9}:\d+$")
                handles.add(handle)
        self.assertEqual(len(handles), 3)

    def test_an_old_handle_names_no_job_of_the_new_run(self):
        with Gmand() as gmand, Peer(gmand.address) as client:
            old = client.submit("f", kind=SUBMIT_JOB_BG)
        with Gmand() as gmand, Peer(gmand.address) as client:
            client.submit("f", kind=SUBMIT_JOB_BG)
            self.assertEqual(client.request(GET_STATUS, old).args[1:3], [b"0", b"0"])

    def test_loopback_of_both_families_and_nothing_else_is_the_default(self):
        with Gmand(listen=()) as gmand:
            hosts = [address.rpartition(":")[0] for address in gmand.addresses]
            self.assertEqual(hosts, ["127.0.0.1", "[::1]", "unix"] if socket.has_ipv6
                             else ["127.0.0.1", "unix"])
            ports = {address.rpartition(":")[2] for address in gmand.addresses[:-1]}
            self.assertEqual(len(ports), 1)

    def test_a_port_in_use_is_one_line_and_status_2(self):
        with Gmand() as gmand:
            ended = run("--listen", gmand.address)
            self.assertEqual(ended.returncode, 2)
            self.assertEqual(ended.stderr, f"gmand: cannot listen on {gmand.address}: "
                                           "Address already in use\n")

    def test_a_port_can_be_had_again_while_connections_of_the_server_before_linger(self):
        """Whether it was named or the system chose it."""
        with Gmand() as first, Peer(first.address):
            first.stop()
            with Gmand(listen=(first.address,)) as second, Peer(second.address):
                second.stop()
                with Gmand(listen=(first.address,)) as third:
                    self.assertEqual(third.address, first.address)

    def test_what_cannot_be_obeyed_is_one_line_and_status_2(self):
        for args, text in (
                (("--listen", "192.0.2.1:0"), "cannot listen on 192.0.2.1:0: "),
                (("--listen", "no.such.host.invalid"), "cannot listen on no.such.host.invalid: "),
                (("-p", "0", "--unix-socket", "/no/such/directory/s"),
                 "cannot listen on unix:/no/such/directory/s: No such file or directory"),
                (("--log-file", "/no/such/directory/log"),
                 "cannot open the log file /no/such/directory/log: No such file or directory"),
                (("--no-such-option",), "--no-such-option")):
            ended = run(*args)
            self.assertEqual(ended.returncode, 2, ended)
            self.assertEqual(ended.stderr.count("gmand: "), 1)
            self.assertIn(text, ended.stderr)
            self.assertEqual(ended.stdout, "")

    def test_help_goes_to_standard_output(self):
        ended = run("--help")
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        self.assertIn("--drain-seconds", ended.stdout)
        self.assertLessEqual(max(len(line) for line in ended.stdout.splitlines()), 100)


class UnixSocketFiles(unittest.TestCase):
    def test_the_file_is_private_to_owner_and_group_and_goes_with_the_server(self):
        with Gmand() as gmand:
            self.assertEqual(stat.S_IMODE(os.stat(gmand.unix_socket).st_mode), 0o660)
            self.assertEqual(gmand.stop(), 0)
            self.assertFalse(os.path.exists(gmand.unix_socket))
        with Gmand("--unix-socket-mode", "0600") as gmand:
            self.assertEqual(stat.S_IMODE(os.stat(gmand.unix_socket).st_mode), 0o600)

    def test_the_file_of_a_killed_server_is_replaced(self):
        with Gmand() as gmand:
            gmand.kill()
            self.assertTrue(os.path.exists(gmand.unix_socket))
            with Gmand("--unix-socket", gmand.unix_socket, unix_socket=False) as second, \
                    Peer(gmand.unix_socket) as peer:
                peer.echo()
                self.assertIn("unix:" + gmand.unix_socket, second.addresses)

    def test_a_live_socket_is_refused_and_stays(self):
        with Gmand() as gmand:
            ended = run("-p", "0", "--unix-socket", gmand.unix_socket)
            self.assertEqual(ended.returncode, 2)
            self.assertEqual(ended.stderr, f"gmand: cannot listen on unix:{gmand.unix_socket}: "
                                           "a running server listens on it\n")
            with Peer(gmand.unix_socket) as peer:
                peer.echo()


class Logs(unittest.TestCase):
    def test_a_log_file_is_opened_again_after_sighup(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "log")
            with Gmand("--log-file", str(path), log_file=path) as gmand:
                self.assertIn("info listening address=127.0.0.1:", path.read_text("utf-8"))
                moved = path.rename(path.with_suffix(".1"))
                gmand.signal(signal.SIGHUP)
                gmand.wait_admin("version", lambda _: path.exists() and path.stat().st_size > 0)
                self.assertIn("log file opened again", path.read_text("utf-8"))
                self.assertNotIn("opened again", moved.read_text("utf-8"))
                self.assertEqual(stat.S_IMODE(path.stat().st_mode) & 0o007, 0)

    def test_json_lines_are_json(self):
        with Gmand("--log-format", "json", "--verbose", "debug",
                   ready='"listening","address":"unix:') as gmand:
            with Peer(gmand.unix_socket) as peer:
                peer.echo()
            gmand.wait_log('"reason":"peer_closed"')
            gmand.stop()
            for line in gmand.log().splitlines():
                self.assertIn("message", json.loads(line))

    def test_what_peers_do_every_day_is_not_logged(self):
        with Gmand() as gmand:
            with Peer(gmand.address) as peer:
                peer.echo()
            gmand.wait_admin("workers", lambda answer: answer.count("\n") == 2)
            self.assertNotRegex(gmand.log(), "connection (accepted|closed)")

    def test_an_abnormal_end_of_a_connection_is_one_line_with_its_reason(self):
        with Gmand() as gmand, Peer(gmand.address) as peer:
            peer.send_bytes(b"\0nonsense")
            peer.receive_until_closed()
            line = gmand.wait_log("connection closed")
            self.assertRegex(line, r"warn connection closed conn=\d+ peer=127\.0\.0\.1 "
                                   r"reason=protocol_error\n$")


if __name__ == "__main__":
    unittest.main()
