# SPDX-License-Identifier: BSD-3-Clause
"""A server that was cut off from its store, which another one has taken meanwhile."""
import re
import signal
import time
import unittest

from gmand import Gmand
from mariadb import PrivateMariaDB
from postgres import PrivatePostgres
from redis_server import PrivateRedis
from wire import *  # pylint: disable=wildcard-import,unused-wildcard-import

JOBS = 20
PATIENCE = 8


class Taken:
    """For a TestCase whose `url` names a store, and which can cut its server's sessions off."""

    url = None

    def cut_off(self):
        """Every session there is in the database's server."""
        raise NotImplementedError

    def grab_all(self, gmand, function):
        done = []
        with Peer(gmand.address) as worker:
            worker.send(CAN_DO, function)
            while (answer := worker.request(GRAB_JOB)).type == JOB_ASSIGN:
                done.append(answer.args[2])
                worker.send(WORK_COMPLETE, answer.args[0], b"")
            worker.echo()
        return done

    def test_the_one_that_was_cut_off_hands_out_nothing_that_the_other_has(self):
        options = ("--store", self.url, "--memory-function", "passing",
                   "--store-patience-seconds", PATIENCE)
        with Gmand(*options) as old, Peer(old.address) as client, Peer(old.address) as worker, \
                Peer(old.address) as waiting:
            for number in range(JOBS):
                client.submit("f", b"%d" % number, unique=b"u%d" % number, kind=SUBMIT_JOB_BG)
            client.submit("passing", b"in memory", kind=SUBMIT_JOB_BG)
            waiting.submit("f", b"", unique=b"u7")  # joins one of them
            worker.send(CAN_DO, "f")
            handle, _, workload = worker.grab()
            self.assertEqual(workload, b"0")

            old.signal(signal.SIGSTOP)
            try:
                self.cut_off()
                with Gmand(*options) as new:
                    old.signal(signal.SIGCONT)
                    self.check(old, new, client, waiting, worker, handle)
            finally:
                old.signal(signal.SIGCONT)

    def check(self, old, new, client, waiting, worker, handle):
        # It learns it although nothing happens that it would have to store.
        line = old.wait_log("another server has the store")
        self.assertIn(f"process {new.pid} on ", line)
        self.assertEqual(waiting.receive().type, WORK_FAIL)
        self.assertIn("f\t1\t1\t1", old.admin("status"))  # what runs, goes on
        self.assertEqual(worker.request(GRAB_JOB).type, NO_JOB)
        worker.send(WORK_COMPLETE, handle, b"")
        worker.echo()

        started = time.monotonic()
        refusal = client.request(SUBMIT_JOB_BG, "f", "", b"x")
        self.assertEqual(refusal.type, ERROR)
        self.assertEqual(refusal.args[0], b"STORE_ERROR")
        self.assertIn(b"process %d on " % new.pid, refusal.args[1])
        self.assertLess(time.monotonic() - started, PATIENCE / 2)
        # What was never stored goes on.
        self.assertEqual(self.grab_all(old, "passing"), [b"in memory"])
        client.submit("f", b"foreground")
        self.assertEqual(self.grab_all(old, "f"), [b"foreground"])
        self.assertEqual(client.receive().type, WORK_COMPLETE)

        # The other has all of them once; the first ran here as well, when it began.
        self.assertEqual(self.grab_all(new, "f"), [b"%d" % number for number in range(JOBS)])
        self.assertEqual(self.grab_all(new, "passing"), [])
        self.assertEqual(old.stop(), 0)
        self.assertNotIn("before the store had everything", old.log())
        self.assertEqual(len(re.findall("another server has the store", old.log())), 1)
        self.assertNotIn("store fails", new.log())
        self.assertEqual(new.stop(), 0)


class Postgres(Taken, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = PrivatePostgres(extension=False)
        cls.enterClassContext(cls.server)
        cls.url = (f"postgresql:///postgres?host={cls.server.socket_dir}&port={cls.server.port}"
                   "&user=postgres")

    def cut_off(self):
        self.server.sql("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                        " WHERE application_name = 'gmand'")


    def test_an_idle_server_notices_that_its_store_is_away_and_back(self):
        with Gmand("--store", self.url) as gmand:
            self.server.stop()
            gmand.wait_log("the store fails")
            self.server.restart()
            gmand.wait_log("the store works again")
            self.server.stop()
            started = time.monotonic()
            self.assertEqual(gmand.stop(), 0)
            # It has nothing to write, so that there is nothing to wait for.
            self.assertLess(time.monotonic() - started, PATIENCE)
            self.assertNotIn("before the store had everything", gmand.log())
        self.server.restart()


class MariaDB(Taken, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = PrivateMariaDB()
        cls.enterClassContext(cls.server)
        cls.server.sql("CREATE DATABASE jobs")
        cls.url = f"mysql://root@localhost/jobs?socket={cls.server.socket}"

    def cut_off(self):
        for thread in self.server.sql("SELECT id FROM information_schema.processlist"
                                      " WHERE db = 'jobs'").split():
            self.server.sql(f"KILL {thread}")


class Redis(Taken, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = PrivateRedis()
        cls.enterClassContext(cls.server)
        cls.url = f"redis://127.0.0.1:{cls.server.port}"

    def cut_off(self):
        self.server.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


if __name__ == "__main__":
    unittest.main()
