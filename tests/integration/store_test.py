# SPDX-License-Identifier: BSD-3-Clause
"""Jobs of a server with a store outlive it: what was acknowledged is there after any end."""
import contextlib
import os
import pathlib
import socket
import struct
import subprocess
import time
import unittest

from gmand import BINARY
from kept_jobs import KILLS, Reckoning, StoreTestCase
from wire import *  # pylint: disable=wildcard-import,unused-wildcard-import


class Restarts(StoreTestCase):
    def test_acknowledged_jobs_come_back_in_their_order_after_a_kill(self):
        with self.start() as gmand, Peer(gmand.address) as client:
            for priority, kind in (("low", SUBMIT_JOB_LOW_BG), ("normal", SUBMIT_JOB_BG),
                                   ("high", SUBMIT_JOB_HIGH_BG)):
                for number in range(3):
                    client.submit("f", f"{priority} {number}".encode(), kind=kind)
            gmand.kill()
        with self.start() as gmand:
            self.assertEqual(self.grab_all(gmand, "f"),
                             [("f", f"{priority} {number}") for priority in
                              ("high", "normal", "low") for number in range(3)])

    def test_a_job_is_there_for_whoever_hears_that_it_was_created(self):
        with self.start() as gmand, Peer(gmand.address) as client, Peer(gmand.address) as worker:
            worker.send(CAN_DO, "f")
            for number in range(300):
                client.submit("f", str(number).encode(), kind=SUBMIT_JOB_BG)
                answer = worker.request(GRAB_JOB)
                self.assertEqual(answer.type, JOB_ASSIGN, f"job {number} is not there")
                worker.send(WORK_COMPLETE, answer.args[0], b"")

    def test_many_clients_are_answered_in_the_order_of_their_requests(self):
        """More than the store's thread answers itself; what follows a submit comes behind it."""
        with self.start() as gmand, contextlib.ExitStack() as stack:
            clients = [stack.enter_context(Peer(gmand.address)) for _ in range(100)]
            for turn in range(5):
                for number, client in enumerate(clients):
                    client.send(SUBMIT_JOB_BG, "f", "", f"{turn} {number}".encode())
                    client.send(ECHO_REQ, f"{turn} {number}".encode())
                for number, client in enumerate(clients):
                    self.assertEqual(client.receive().type, JOB_CREATED)
                    echo = client.receive()
                    self.assertEqual((echo.type, echo.args[0].decode()),
                                     (ECHO_RES, f"{turn} {number}"))

    def test_clients_that_leave_before_their_answer_harm_nobody(self):
        with self.start() as gmand, Peer(gmand.address) as watcher:
            for number in range(200):
                with Peer(gmand.address) as client:
                    client.send(SUBMIT_JOB_BG, "f", "", str(number).encode())
                    if number % 2:  # its end comes at once, and breaks what is sent to it
                        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                                 struct.pack("ii", 1, 0))
                watcher.submit("g", str(number).encode(), kind=SUBMIT_JOB_BG)
            self.assertEqual(len(self.grab_all(gmand, "g")), 200)

    def test_a_server_rests_when_those_whom_a_commit_answered_do_not_come_back(self):
        with self.start() as gmand, Peer(gmand.address) as client:
            for number in range(3):
                client.submit("f", str(number).encode(), kind=SUBMIT_JOB_BG)

            def cpu_seconds():
                ran = 0
                for thread in pathlib.Path(f"/proc/{gmand.pid}/task").iterdir():
                    ran += int((thread / "schedstat").read_text().split()[0])
                return ran / 1e9

            with self.assertRaises(TimeoutError):
                client.receive(seconds=0.2)  # nothing is to come
            before = cpu_seconds()
            with self.assertRaises(TimeoutError):
                client.receive(seconds=1)
            self.assertLess(cpu_seconds() - before, 0.05)

    def test_a_job_that_was_running_is_run_again_behind_the_others(self):
        with self.start() as gmand, Peer(gmand.address) as client:
            client.submit("f", b"first", kind=SUBMIT_JOB_BG)
            client.submit("f", b"second", kind=SUBMIT_JOB_BG)
            with Peer(gmand.address) as doomed:
                doomed.send(CAN_DO, "f")
                self.assertEqual(doomed.grab()[2], b"first")
            gmand.wait_admin("show jobs", lambda text: "\t1\t" in text)
            client.submit("f", b"third", kind=SUBMIT_JOB_BG)
            gmand.kill()
        with self.start() as gmand:
            retries = [row.split("\t")[1] for row in gmand.admin("show jobs").split("\n")[:-2]]
            self.assertEqual(sorted(retries), ["0", "0", "1"])
            self.assertEqual(self.grab_all(gmand, "f"),
                             [("f", "second"), ("f", "first"), ("f", "third")])

    def test_a_delayed_job_keeps_its_time(self):
        due = int(time.time()) + 2
        with self.start() as gmand, Peer(gmand.address) as client:
            answer = client.request(SUBMIT_JOB_EPOCH, "f", "", str(due), b"later")
            self.assertEqual(answer.type, JOB_CREATED)
            gmand.kill()
        with self.start() as gmand, Peer(gmand.address) as worker:
            worker.send(CAN_DO, "f")
            self.assertEqual(worker.grab(seconds=20)[2], b"later")
            self.assertGreaterEqual(time.time(), due)

    def test_a_unique_is_joined_after_a_restart(self):
        with self.start() as gmand, Peer(gmand.address) as client:
            client.submit("f", b"one", b"key", kind=SUBMIT_JOB_BG)
            gmand.kill()
        with self.start() as gmand, Peer(gmand.address) as client:
            client.submit("f", b"two", b"key", kind=SUBMIT_JOB_BG)
            self.assertEqual(self.grab_all(gmand, "f"), [("f", "one")])

    def test_any_bytes_and_a_large_workload_come_back_as_they_were(self):
        workload = os.urandom(3 << 20)
        with self.start() as gmand, Peer(gmand.address) as client:
            client.submit(b"\xff f\n", workload, b"\x01\xfe", kind=SUBMIT_JOB_BG)
            gmand.kill()
        with self.start() as gmand, Peer(gmand.address) as worker:
            worker.send(CAN_DO, b"\xff f\n")
            answer = worker.request(GRAB_JOB_UNIQ)
            self.assertEqual(answer.args[1:3], [b"\xff f\n", b"\x01\xfe"])
            self.assertTrue(answer.args[3] == workload)

    def test_what_is_done_failed_or_cancelled_does_not_come_back(self):
        with self.start() as gmand, Peer(gmand.address) as client, Peer(gmand.address) as worker:
            for end in ("complete", "fail", "raise"):
                client.submit("f", end.encode(), kind=SUBMIT_JOB_BG)
            worker.send(CAN_DO, "f")
            for packet in ((WORK_COMPLETE, b"x"), (WORK_FAIL,), (WORK_EXCEPTION, b"x")):
                handle = worker.grab()[0]
                worker.send(packet[0], handle, *packet[1:])
            worker.echo()
            cancelled = client.submit("f", b"cancel", kind=SUBMIT_JOB_BG)
            gmand.admin(f"cancel job {cancelled.decode()}")
            self.assertEqual(gmand.stop(), 0)
        self.assertEqual(self.rows(), [(0,)])

    def test_a_drain_and_a_restart_lose_and_double_nothing(self):
        with self.start() as gmand, Peer(gmand.address) as client:
            for number in range(500):
                client.submit("f", str(number).encode(), kind=SUBMIT_JOB_BG)
            with Peer(gmand.address) as worker:
                worker.send(CAN_DO, "f")
                for _ in range(200):
                    worker.send(WORK_COMPLETE, worker.grab()[0], b"")
                worker.echo()
                self.assertEqual(gmand.stop(), 0)
        with self.start() as gmand:
            self.assertEqual(self.grab_all(gmand, "f"),
                             [("f", str(number)) for number in range(200, 500)])
            self.assertEqual(gmand.stop(), 0)
        self.assertEqual(self.rows(), [(0,)])

    def test_the_handle_that_a_client_was_given_names_its_job_after_restarts(self):
        with self.start() as gmand, Peer(gmand.address) as client:
            client.submit("f", b"another", kind=SUBMIT_JOB_BG)
            handle = client.submit("f", b"x", kind=SUBMIT_JOB_BG)
            gmand.kill()
        with self.start() as gmand:
            gmand.kill()
        with self.start() as gmand, Peer(gmand.address) as client:
            status = client.request(GET_STATUS, handle)
            self.assertEqual(status.args[:2], [handle, b"1"])
            self.assertEqual(gmand.admin(f"cancel job {handle.decode()}"), "OK\r\n")
            self.assertEqual(client.request(GET_STATUS, handle).args[1], b"0")
            self.assertEqual(self.grab_all(gmand, "f"), [("f", "another")])

    def test_handles_of_two_starts_differ(self):
        handles = set()
        for _ in range(2):
            with self.start() as gmand, Peer(gmand.address) as client:
                handles.add(client.submit("f", kind=SUBMIT_JOB_BG))
                gmand.kill()
        self.assertEqual(len(handles), 2)


class Answers(StoreTestCase):
    def test_answers_come_in_the_order_of_their_requests(self):
        """JOB_CREATED has no word that says to which request it belongs."""
        with self.start("--memory-function", "passing") as gmand, Peer(gmand.address) as client:
            requests, expected = b"", []
            for number in range(200):
                requests += encode(SUBMIT_JOB_BG, "f", "", b"x")
                requests += encode(SUBMIT_JOB_BG, "passing", "", b"x")
                requests += encode(ECHO_REQ, str(number))
                expected += [(JOB_CREATED, None), (JOB_CREATED, None),
                             (ECHO_RES, [str(number).encode()])]
            client.send_bytes(requests)
            for kind, args in expected:
                answer = client.receive()
                self.assertEqual(answer.type, kind)
                if args is not None:
                    self.assertEqual(answer.args, args)

    def test_jobs_of_memory_functions_end_with_the_process(self):
        with self.start("--memory-function", "passing") as gmand, Peer(gmand.address) as client:
            client.submit("passing", b"x", kind=SUBMIT_JOB_BG)
            client.submit("f", b"kept", kind=SUBMIT_JOB_BG)
            gmand.kill()
        with self.start("--memory-function", "passing") as gmand:
            self.assertEqual(self.grab_all(gmand, "passing", "f"), [("f", "kept")])

    def test_a_client_that_has_said_its_last_word_is_still_acknowledged(self):
        with self.start() as gmand, Peer(gmand.address) as client:
            client.send(SUBMIT_JOB_BG, "f", "", b"x")
            client.socket.shutdown(socket.SHUT_WR)
            self.assertEqual(client.receive().type, JOB_CREATED)
            self.assertEqual(client.receive_until_closed(), b"")

    def test_jobs_of_memory_functions_and_foreground_jobs_are_not_stored(self):
        with self.start("--memory-function", "passing") as gmand, Peer(gmand.address) as client:
            client.submit("passing", b"x", kind=SUBMIT_JOB_BG)
            client.submit("f", b"x")
            client.submit("f", b"kept", kind=SUBMIT_JOB_BG)
            self.assertEqual(self.rows("SELECT function_name, CAST(workload AS TEXT) FROM job"),
                             [("f", "kept")])


class Refusals(StoreTestCase):
    def refusal(self, *options):
        done = subprocess.run([BINARY, "--port", "0", "--listen", "127.0.0.1", *options],
                              capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 2, done)
        return done.stderr

    def test_a_second_server_on_the_same_file_is_refused(self):
        with self.start() as gmand:
            refusal = self.refusal("--store", f"sqlite:{self.path}")
            self.assertIn(str(self.path), refusal)
            self.assertIn(str(gmand.pid), refusal)

    def test_a_file_that_is_no_database_is_left_as_it_is(self):
        self.path.write_bytes(b"not a database, but somebody's letter\n" * 100)
        self.assertIn("gmand store", self.refusal("--store", f"sqlite:{self.path}"))
        self.assertTrue(self.path.read_bytes().startswith(b"not a database"))

    def test_a_store_that_nobody_knows_is_refused_by_name(self):
        self.assertIn("carrier-pigeon:loft", self.refusal("--store", "carrier-pigeon:loft"))


class Kills(StoreTestCase):
    def test_no_kill_at_any_moment_loses_or_invents_a_job(self):
        reckoning = Reckoning()
        seed = self.live_many_times(
            lambda gmand, name: reckoning.clients(3, gmand.address, name),
            lambda gmand: reckoning.workers(2, gmand.address))
        with self.start() as gmand:
            left = [word for _, word in self.grab_all(gmand, "f")]
            self.assertEqual(gmand.stop(), 0)
        self.assertEqual(self.rows(), [(0,)])
        with self.subTest(seed=seed):
            self.assertGreater(len(reckoning.acknowledged), KILLS)
            reckoning.assert_settled(self, left)


if __name__ == "__main__":
    unittest.main()
