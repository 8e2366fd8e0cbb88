# SPDX-License-Identifier: BSD-3-Clause
"""Debian's gearman tool, php-gearman and Perl's Gearman modules work with gmand as they are."""
import time
import unittest

from foreign import CLIENTS, ForeignWorker, ask, start, wait_workers
from gmand import Gmand
from wire import CAN_DO, GET_STATUS_UNIQUE, WORK_COMPLETE, Peer, Worker

# The tools that can send and show more than results.
EVENT_CLIENTS = ("php", "perl")
EVENT_WORKERS = ("php", "perl")


class Foreign(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gmand = cls.enterClassContext(Gmand())
        for kind in CLIENTS:
            cls.enterClassContext(ForeignWorker(kind, cls.gmand.address, kind + "_"))
        wait_workers(cls.gmand, *(kind + "_reverse" for kind in CLIENTS),
                     *(kind + "_raise" for kind in EVENT_WORKERS))

    def ask(self, kind, *args, **more):
        done = ask(kind, self.gmand.address, *args, **more)
        self.assertEqual(done.returncode, 0, (kind, args, done))
        return done.stdout

    def test_every_client_gets_hello_world_reversed_by_every_worker(self):
        for worker in CLIENTS:
            for client in CLIENTS:
                with self.subTest(worker=worker, client=client):
                    self.assertEqual(self.ask(client, "do", worker + "_reverse", "Hello World!"),
                                     b"!dlroW olleH")

    def test_every_pair_carries_any_bytes(self):
        workload = bytes(range(256)) * 512  # 128 KiB
        for worker in CLIENTS:
            for client in CLIENTS:
                with self.subTest(worker=worker, client=client):
                    result = self.ask(client, "do", worker + "_reverse", "-", stdin=workload)
                    self.assertTrue(result == workload[::-1], (len(result), result[:40]))

    def test_every_client_chooses_among_three_priorities(self):
        for client in CLIENTS:
            with self.subTest(client=client):
                order, name = [], client + "_ranked"
                waiting = []
                for count, priority in enumerate(("low", "do", "high")):
                    waiting.append(start(client, self.gmand.address, priority, name, priority))
                    self.gmand.wait_admin("status",
                                          lambda text, n=count: f"{name}\t{n + 1}\t" in text)
                with Worker(self.gmand.address, {name: lambda w: order.append(w) or b"done"}):
                    for process in waiting:
                        self.assertEqual(process.communicate(timeout=30)[0], b"done")
                self.assertEqual(order, [b"high", b"do", b"low"])

    def test_every_client_queues_background_jobs_of_three_priorities(self):
        for client in CLIENTS:
            with self.subTest(client=client):
                order, name = [], client + "_later"
                for priority in ("low_bg", "bg", "high_bg"):
                    handle = self.ask(client, priority, name, priority)
                    if client != "gearman":  # the tool does not tell
                        self.assertIn(b"H:", handle)
                with Worker(self.gmand.address, {name: lambda w: order.append(w) or b""}):
                    self.gmand.wait_admin("status", lambda text: f"{name}\t0\t" in text)
                self.assertEqual(order, [b"high_bg", b"bg", b"low_bg"])

    def test_clients_of_all_kinds_join_one_job_by_its_unique(self):
        waiting = [start(client, self.gmand.address, "do", "joined", "same", "the-key")
                   for client in CLIENTS]
        clients = 0
        until = time.monotonic() + 20
        with Peer(self.gmand.address) as peer:
            while clients < len(CLIENTS):
                self.assertLess(time.monotonic(), until, f"only {clients} clients joined")
                clients = int(peer.request(GET_STATUS_UNIQUE, "the-key").args[5])
        done = []
        with Worker(self.gmand.address, {"joined": lambda w: done.append(w) or b"for all"}):
            for process in waiting:
                self.assertEqual(process.communicate(timeout=30)[0], b"for all")
        self.assertEqual(done, [b"same"])

    def test_clients_learn_what_became_of_a_background_job(self):
        for client in EVENT_CLIENTS:
            with self.subTest(client=client):
                handle = self.ask(client, "bg", client + "_asked", "x").decode().strip()
                self.assertTrue(self.ask(client, "status", handle)
                                .startswith(b"known 1 running 0"))
                with Peer(self.gmand.address) as worker:
                    worker.send(CAN_DO, client + "_asked")
                    worker.grab()
                    self.assertTrue(self.ask(client, "status", handle)
                                    .startswith(b"known 1 running 1"))
                    worker.send(WORK_COMPLETE, handle.rpartition("//")[2], b"")
                    worker.echo()
                self.assertTrue(self.ask(client, "status", handle)
                                .startswith(b"known 0 running 0"))

    def events(self, client, name):
        return self.ask(client, "events", name, "x").decode().split("\n")[:-1]

    def test_progress_reaches_every_client_from_every_worker(self):
        for worker in EVENT_WORKERS:
            for client in EVENT_CLIENTS:
                with self.subTest(worker=worker, client=client):
                    self.assertEqual(self.events(client, worker + "_slow"),
                                     ["status 1/3", "status 2/3", "status 3/3", "complete done"])

    def test_data_and_warnings_reach_every_client_from_every_worker(self):
        for worker in EVENT_WORKERS:
            for client in EVENT_CLIENTS:
                with self.subTest(worker=worker, client=client):
                    self.assertEqual(self.events(client, worker + "_talk"),
                                     ["data piece of data", "warning a warning", "complete said"])

    def test_a_failed_job_is_told_as_such(self):
        for worker in EVENT_WORKERS:
            for client in EVENT_CLIENTS:
                with self.subTest(worker=worker, client=client):
                    self.assertEqual(self.events(client, worker + "_fail"), ["fail"])
            for client in CLIENTS:
                with self.subTest(worker=worker, client=client):
                    done = ask(client, self.gmand.address, "do", worker + "_fail", "x")
                    self.assertEqual(done.stdout, b"", done)
                    if client != "gearman":  # Debian's tool ends with 0 whatever happened
                        self.assertNotEqual(done.returncode, 0, done)

    def test_an_exception_reaches_those_that_asked_for_it(self):
        for worker in EVENT_WORKERS:
            for client in EVENT_CLIENTS:
                with self.subTest(worker=worker, client=client):
                    told = self.events(client, worker + "_raise")
                    self.assertIn("it broke", "".join(told))
            done = ask("gman", self.gmand.address, "do", worker + "_raise", "x")
            self.assertEqual((done.returncode, done.stdout), (1, b""))
            self.assertIn(b"it broke", done.stderr)

    def test_workers_live_on_after_failures_and_exceptions(self):
        for worker in EVENT_WORKERS:
            for name in ("_raise", "_fail", "_raise"):
                ask("gman", self.gmand.address, "do", worker + name, "x")
            self.assertEqual(self.ask("gman", "do", worker + "_reverse", "ab"), b"ba")

    def test_a_worker_of_another_maker_takes_over_from_one_that_died(self):
        client = start("php", self.gmand.address, "do", "heir_reverse", "Hello World!")
        with Peer(self.gmand.address) as doomed:
            doomed.send(CAN_DO, "heir_reverse")
            doomed.grab()
        with ForeignWorker("perl", self.gmand.address, "heir_"):
            self.assertEqual(client.communicate(timeout=30)[0], b"!dlroW olleH")


if __name__ == "__main__":
    unittest.main()
