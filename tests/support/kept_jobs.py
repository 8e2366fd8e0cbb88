# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of a server with a store share: the server, what its file has, and a reckoning of
what clients were promised over many lives of it."""
import contextlib
import functools
import os
import pathlib
import random
import shutil
import sqlite3
import tempfile
import threading
import time
import unittest

from gmand import Gmand
from wire import *  # pylint: disable=wildcard-import,unused-wildcard-import

# Twenty in the tests; GMAN_KILLS=1000 for the long run.
KILLS = int(os.environ.get("GMAN_KILLS", "20"))


class StoreTestCase(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="gman-store-", dir="/var/tmp"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.path = self.directory / "jobs.db"

    def start(self, *options, **more):
        return Gmand("--store", f"sqlite:{self.path}", *options, **more)

    def rows(self, query="SELECT count(*) FROM job"):
        with contextlib.closing(sqlite3.connect(self.path)) as database:
            return database.execute(query).fetchall()

    def grab_all(self, gmand, *functions):
        """The (function, workload) of every job that waits, in the order in which they come; each
        is done."""
        done = []
        with Peer(gmand.address) as worker:
            for function in functions:
                worker.send(CAN_DO, function)
            while True:
                answer = worker.request(GRAB_JOB)
                if answer.type == NO_JOB:
                    return done
                done.append((answer.args[1].decode(), answer.args[2].decode()))
                worker.send(WORK_COMPLETE, answer.args[0], b"")

    def live(self, clients, workers, end):
        """Calls these at once, in a thread each, and `end`, after which all must end as well. What
        goes wrong in one of them is a failure."""
        wrong = []

        def run(target):
            try:
                target()
            except BaseException as error:  # pylint: disable=broad-except
                wrong.append(error)

        threads = [threading.Thread(target=run, args=(target,)) for target in clients + workers]
        for thread in threads:
            thread.start()
        end()
        for thread in threads:
            thread.join(30)
            self.assertFalse(thread.is_alive())
        self.assertEqual(wrong, [])

    def live_many_times(self, clients_of, workers_of):
        """Servers that are killed at random moments, each with what these two make: clients of it
        and a name, workers of it. The seed, for whoever finds something in the end."""
        seed = int(os.environ.get("GMAN_SEED", time.time_ns() % 1_000_000))
        random.seed(seed)
        for life in range(KILLS):
            with self.subTest(seed=seed, life=life), self.start() as gmand:
                def kill(gmand=gmand):
                    # Not a wait for anything: when the server dies is what is random here.
                    threading.Event().wait(random.uniform(0.01, 0.25))
                    gmand.kill()

                self.live(clients_of(gmand, str(life)), workers_of(gmand), kill)
        return seed


class Reckoning:
    """What clients were promised and what workers did, over many lives of a server."""

    def __init__(self):
        self.lock = threading.Lock()
        self.sent, self.acknowledged, self.done = set(), set(), {}

    def submit_until_it_dies(self, address, name):
        """Sends in bursts, so that a death meets some in every state."""
        number = 0
        with contextlib.suppress(Closed, OSError), Peer(address) as client:
            while True:
                burst = [f"{name}.{number + i}" for i in range(random.randint(1, 40))]
                number += len(burst)
                with self.lock:
                    self.sent.update(burst)
                client.send_bytes(b"".join(encode(SUBMIT_JOB_BG, "f", word, word)
                                           for word in burst))
                for word in burst:
                    answer = client.receive()
                    assert answer.type == JOB_CREATED, answer
                    with self.lock:
                        self.acknowledged.add(word)

    def work_until_it_dies(self, address):
        with contextlib.suppress(Closed, OSError), Peer(address) as worker:
            worker.send(CAN_DO, "f")
            while True:
                handle, _, workload = worker.grab(seconds=60)
                with self.lock:
                    word = workload.decode()
                    self.done[word] = self.done.get(word, 0) + 1
                worker.send(WORK_COMPLETE, handle, b"")

    def clients(self, count, address, name):
        """For StoreTestCase.live."""
        return [functools.partial(self.submit_until_it_dies, address, f"{name}.{i}")
                for i in range(count)]

    def workers(self, count, address):
        return [functools.partial(self.work_until_it_dies, address)] * count

    def assert_settled(self, test, left):
        """`left` is what the last life had: nothing was lost, invented, or left twice."""
        done = set(self.done)
        test.assertEqual(len(left), len(set(left)))
        test.assertEqual(self.acknowledged - done - set(left), set())
        test.assertEqual((done | set(left)) - self.sent, set())
