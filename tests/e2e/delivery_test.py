# SPDX-License-Identifier: BSD-3-Clause
"""Who may die when, and what then: docs/DELIVERY.md names a test of this file in each of its cells.

An application enqueues in transactions, some of which are rolled back; a relay ships; workers work.
Meanwhile something dies, again and again at random moments; then all are left in peace until all is
done, and the history is checked. GMAN_KILLS=200 for a long run, GMAN_SEED for the same dice."""
import contextlib
import os
import pathlib
import random
import shutil
import signal
import tempfile
import threading
import time
import unittest

import outbox
from gmand import Gmand
from history import History
from patience import wait_until
from proxy import Proxy
from relay import Relay
from wire import *  # pylint: disable=wildcard-import,unused-wildcard-import

KILLS = int(os.environ.get("GMAN_KILLS", "6"))
# Short, so that a test need not wait long for what a dead relay held.
PATIENCE = ("--lease-seconds", 2, "--server-silence-seconds", 1)


class World:
    """An application, relays behind a proxy, a job server with a store, and workers."""

    def __init__(self, test, database, relays=1, worker_dies=0.0, job_seconds=0.0,
                 deliveries=("queue", "completion"), has_store=True):
        self._test = test
        self._database = database
        self._relay_count = relays
        self._worker_dies = worker_dies
        self._job_seconds = job_seconds
        self._deliveries = deliveries
        self._has_store = has_store
        self._is_over = threading.Event()
        self._is_quiet = threading.Event()
        self._wrong = []
        self._stack = contextlib.ExitStack()
        self.history = History()
        self.gmand = None
        self.proxy = None
        self.relays = []

    def __enter__(self):
        directory = pathlib.Path(tempfile.mkdtemp(prefix="gman-delivery-", dir="/var/tmp"))
        self._stack.callback(shutil.rmtree, directory)
        self._store = directory / "jobs.db"
        self._start_gmand()
        self.proxy = self._stack.enter_context(Proxy(self.gmand.address))
        for _ in range(self._relay_count):
            self._start_relay()
        self._enqueuers, workers = (
            [threading.Thread(target=self._guard, args=(target,)) for _ in range(count)]
            for target, count in ((self._enqueue, 2), (self._work, 3)))
        self._threads = self._enqueuers + workers
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._is_quiet.set()
        self._is_over.set()
        for relay in self.relays:
            relay.__exit__(*_)
        self.gmand.kill()  # which ends the workers' waiting
        for thread in self._threads:
            thread.join(30)
        self.gmand.__exit__(*_)
        self._stack.close()

    def _guard(self, target):
        try:
            target()
        except BaseException as error:  # pylint: disable=broad-except
            self._wrong.append(error)

    def _start_gmand(self):
        gmand = Gmand(*(("--store", f"sqlite:{self._store}") if self._has_store else ()))
        gmand.__enter__()
        self.gmand = gmand

    def _start_relay(self):
        relay = Relay(self._database.url, to=self.proxy.address, options=PATIENCE, ready=False)
        self.relays.append(relay.__enter__())

    # Deaths.

    def kill_relay(self):
        victim = self.relays.pop(random.randrange(len(self.relays)))
        victim.kill()
        self._start_relay()

    def kill_gmand(self):
        self.gmand.kill()
        self.gmand.__exit__(None, None, None)
        self.proxy.cut()
        self._start_gmand()
        self.proxy.server = self.gmand.address

    def kill_database(self):
        self._database.kill_server()

    def cut(self):
        self.proxy.cut()

    def partition(self):
        """Longer than a server may be silent, and longer than a lease, at times."""
        self.proxy.partition()
        self._is_over.wait(random.uniform(0.1, 2.5))
        self.proxy.heal()

    def lose_answers(self):
        """Jobs are accepted and run, and the relay never hears of it."""
        self.proxy.hold_answers()
        self._is_over.wait(random.uniform(0.2, 0.9))
        self.proxy.cut()
        self.proxy.release()

    def delay_answers(self):
        """Until the lease has ended and another relay has sent the same again: then both get their
        answers, the first one late."""
        self.proxy.hold_answers()
        self._is_over.wait(random.uniform(0.1, 0.9))
        self.proxy.release()

    def suffer(self, *deaths):
        for _ in range(KILLS):
            # When it happens is what is random here: this waits for nothing.
            self._is_over.wait(random.uniform(0.05, 0.6))
            random.choice(deaths)()

    def settle(self):
        """No more deaths, no more jobs: until everything that was committed has been run."""
        wait_until(lambda: len(self.history.committed) > 20, "there is a history to be checked", 60)
        self._is_quiet.set()
        self._worker_dies = 0.0
        for thread in self._enqueuers:  # whose last transaction may be committed only now
            thread.join(60)
            self._test.assertFalse(thread.is_alive(), "a transaction does not come to its end")
        wait_until(lambda: not self.history.missing() or self._wrong, "all jobs were run", 60)
        self._test.assertEqual(self._wrong, [])
        wait_until(self._is_outbox_empty, "the outbox is empty", 60)
        wait_until(lambda: self._waiting() == 0, "no job is left at the server", 60)

    def _is_outbox_empty(self):
        """Nor while the database recovers from its last death."""
        with contextlib.suppress(outbox.postgres.SqlError, outbox.mariadb.SqlError):
            return self._database.count() == 0
        return False

    def _waiting(self):
        rows = self.gmand.admin("status").splitlines()[:-1]
        return sum(int(row.split("\t")[1]) for row in rows)

    # The living.

    def _enqueue(self):
        me = f"{threading.get_ident()}"
        for number in range(10_000):
            if self._is_quiet.is_set():
                return
            jobs = [f"{me}.{number}.{i}" for i in range(random.randint(1, 12))]
            self.history.attempt(jobs)
            is_wanted = random.random() < 0.8
            statements = "".join(self._database.enqueue_sql(
                "f", job, delivery=random.choice(self._deliveries)) for job in jobs)
            try:
                self._database.sql(f"START TRANSACTION; {statements} "
                                   f"{'COMMIT' if is_wanted else 'ROLLBACK'};")
            except (outbox.postgres.SqlError, outbox.mariadb.SqlError):
                self._is_quiet.wait(0.1)  # it is away, and nobody knows what was committed
                continue
            (self.history.commit if is_wanted else self.history.roll_back)(jobs)

    def _work(self):
        while not self._is_over.is_set():
            try:
                with Peer(self.gmand.address) as worker:
                    worker.send(CAN_DO, "f")
                    while True:
                        handle, _, workload = worker.grab(seconds=3600)
                        self.history.run(workload.decode())
                        if self._job_seconds:
                            self._is_over.wait(random.uniform(0, self._job_seconds))
                        if random.random() < self._worker_dies:
                            break  # its connection ends, as a killed one's does
                        worker.send(WORK_COMPLETE, handle, b"")
            except (Closed, OSError):
                self._is_over.wait(0.02)


class Delivery:
    """What holds for each kind of database."""

    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.database = cls.stack.enter_context(cls.make_database())
        cls.addClassCleanup(cls.stack.close)

    def setUp(self):
        seed = int(os.environ.get("GMAN_SEED", time.time_ns() % 1_000_000))
        self.enterContext(self.subTest(seed=seed))
        random.seed(seed)
        self.database.sql("DELETE FROM gman.outbox")

    def live(self, deaths, may_double=False, **options):
        world = World(self, self.database, **options)
        with world:
            world.suffer(*(getattr(world, death) for death in deaths))
            world.settle()
            world.history.check(self, may_double)

    def test_killed_relays_lose_and_double_nothing(self):
        self.live(["kill_relay"], relays=2, job_seconds=0.02)

    def test_a_killed_database_loses_and_doubles_nothing(self):
        self.live(["kill_database"])

    def test_cut_connections_and_partitions_lose_and_double_nothing(self):
        self.live(["cut", "partition", "lose_answers"], relays=2)

    def test_lost_acknowledgements_lose_and_double_nothing(self):
        self.live(["lose_answers"])

    def test_late_and_repeated_acknowledgements_lose_and_double_nothing(self):
        self.live(["delay_answers", "cut"], relays=2)

    def test_killed_workers_lose_nothing(self):
        self.live(["cut"], may_double=True, worker_dies=0.1)

    def test_a_killed_job_server_loses_nothing(self):
        self.live(["kill_gmand"], may_double=True)

    def test_a_row_to_completion_survives_a_job_server_without_a_store(self):
        self.live(["kill_gmand"], may_double=True, deliveries=("completion",), has_store=False)

    def test_everything_dying_at_once_loses_nothing(self):
        self.live(["kill_relay", "kill_gmand", "kill_database", "cut", "partition",
                   "lose_answers", "delay_answers"],
                  may_double=True, relays=2, worker_dies=0.02, job_seconds=0.02)


class CrashingPostgres(outbox.OutboxPostgres):
    def __init__(self):
        super().__init__(settings={"synchronous_commit": "on"})

    def kill_server(self):
        """One backend is killed, so the postmaster ends all of them and recovers from the log."""
        with contextlib.suppress(outbox.postgres.SqlError):
            pids = self.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'gman-relay'"
                            ).split()
            if pids:
                os.kill(int(random.choice(pids)), signal.SIGKILL)


class CrashingMariaDB(outbox.OutboxMariaDB):
    def __init__(self):
        # A kill of the process, not of the machine.
        super().__init__(options=["--innodb-flush-log-at-trx-commit=2"])

    def kill_server(self):
        self.crash_and_restart()


class PostgresDelivery(Delivery, unittest.TestCase):
    make_database = CrashingPostgres


class MariaDBDelivery(Delivery, unittest.TestCase):
    make_database = CrashingMariaDB


if __name__ == "__main__":
    unittest.main()
