# SPDX-License-Identifier: BSD-3-Clause
"""What administrators do while sessions wait for jobs: they kill a backend, and drop or update what
the sessions use."""
import os
import signal
import unittest

from gmand import Gmand
from odd_worker import OddWorker
from patience import wait_until
from postgres import PrivatePostgres, SqlError

WAITS = "SELECT gman_do('never', 'x')"


class Busy(unittest.TestCase):
    def setUp(self):
        self.gmand = self.enterContext(Gmand())
        self.enterContext(OddWorker(self.gmand.address))
        self.postgres = self.enterContext(PrivatePostgres(servers=self.gmand.address))
        self.postgres.sql("CREATE DATABASE shop; CREATE EXTENSION gman")
        self.postgres.sql("CREATE EXTENSION gman", database="shop")

    def waiting_session(self, database="postgres"):
        session = self.enterContext(self.postgres.session(database=database))
        session.start(WAITS)
        self.gmand.wait_admin("status", lambda answer: "never\t1\t0\t" in answer)
        return session

    def assert_its_job_is_gone(self):
        self.gmand.wait_admin("status", lambda answer: "never\t0\t0\t" in answer
                              or "never" not in answer)

    def answers(self):
        """Whether the cluster has recovered: it ends all sessions when one was killed."""
        try:
            return self.postgres.sql("SELECT gman_do('reverse', 'next')") == "txen"
        except SqlError:
            return False

    def test_a_killed_backend_costs_its_job_and_the_next_call_works(self):
        session = self.waiting_session()
        os.kill(session.pid, signal.SIGKILL)
        self.assertIn("server closed the connection unexpectedly", session.finish())
        self.assert_its_job_is_gone()
        wait_until(self.answers, "the cluster has recovered")

    def test_a_database_is_dropped_from_under_a_waiting_session_by_force(self):
        session = self.waiting_session("shop")
        with self.assertRaisesRegex(SqlError, "55006"):
            self.postgres.sql("DROP DATABASE shop")
        self.postgres.sql("DROP DATABASE shop WITH (FORCE)")
        self.assertIn("57P01", session.finish())
        self.assert_its_job_is_gone()
        self.assertTrue(self.answers())

    def test_the_extension_is_dropped_while_a_session_waits(self):
        """What runs runs on; afterwards there is no such function, until it is made again."""
        session = self.waiting_session()
        dropping = self.postgres.popen_sql("DROP EXTENSION gman; CREATE EXTENSION gman")
        self.postgres.sql(f"SELECT pg_cancel_backend({session.pid})")
        self.assertIn("57014", session.finish())
        self.assertEqual(dropping.communicate(timeout=60)[1], b"")
        self.assertEqual(dropping.returncode, 0)
        self.assertEqual(session.run("SELECT gman_do('reverse', 'again')"), "niaga")

    def test_it_is_updated_to_the_version_that_it_has_while_a_session_waits(self):
        session = self.waiting_session()
        self.assertIn("already installed", self.postgres.popen_sql(
            "ALTER EXTENSION gman UPDATE").communicate(timeout=60)[1].decode())
        self.postgres.sql(f"SELECT pg_cancel_backend({session.pid})")
        self.assertIn("57014", session.finish())
        self.assertEqual(session.run("SELECT gman_do('reverse', 'again')"), "niaga")


if __name__ == "__main__":
    unittest.main()
