# SPDX-License-Identifier: BSD-3-Clause
"""A backend that waits for a job obeys at once: cancel, time limits, terminate, shutdown.

The promise is 100 ms. A loaded machine may delay any single try, so the best of several counts;
each of them must end within a few seconds whatever the load.
"""
import time
import unittest

from fixture import ExtensionCase
from postgres import PrivatePostgres, version

PROMISE_MS = 100
TRIES = 5
PATIENCE_SECONDS = 10
BLOCKED = "SELECT gman_do('never', 'x')"


class Waiting(ExtensionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.admin = cls.enterClassContext(cls.postgres.session())

    def wait_until_blocked(self, pid):
        """PostgreSQL has no event for another backend's wait, so this asks again and again."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            state = self.admin.run("SELECT wait_event_type || ' ' || wait_event "
                                   f"FROM pg_stat_activity WHERE pid = {pid}")
            if state.startswith("Extension "):
                return state
            self.assertLess(time.monotonic(), until, f"not waiting for a job, but for {state!r}")

    def end_blocked_call(self, how, expected):
        """Milliseconds from `how` to the end of a blocked gman_do(), in a session of its own."""
        with self.postgres.session() as session:
            session.start(BLOCKED)
            self.wait_until_blocked(session.pid)
            start = time.monotonic()
            self.assertEqual(self.admin.run(f"SELECT {how}({session.pid})"), "t")
            answer = session.finish()
            elapsed_ms = (time.monotonic() - start) * 1000
            self.assertIn(expected, answer)
            if how == "pg_cancel_backend":
                self.assert_works(session)
            return elapsed_ms

    def assert_works(self, session):
        self.assertEqual(session.run("SELECT gman_do('reverse', 'next')"), "txen")

    def assert_kept(self, what, times_ms):
        print(f"{what}: {', '.join(f'{t:.1f}' for t in times_ms)} ms", flush=True)
        self.assertLessEqual(min(times_ms), PROMISE_MS)

    def assert_no_job_waits(self):
        """A job that nobody waits for any more is dropped by the server, not run later."""
        self.gmand.wait_admin("status", lambda answer: "never\t0\t0\t" in answer
                              or "never" not in answer)

    def test_pg_cancel_backend_ends_a_blocked_call_and_the_next_one_works(self):
        self.assert_kept("pg_cancel_backend", [
            self.end_blocked_call("pg_cancel_backend",
                                  "ERROR:  57014: canceling statement due to user request")
            for _ in range(TRIES)])
        self.assert_no_job_waits()

    def test_pg_terminate_backend_ends_a_blocked_call(self):
        self.assert_kept("pg_terminate_backend", [
            self.end_blocked_call("pg_terminate_backend",
                                  "FATAL:  57P01: terminating connection")
            for _ in range(TRIES)])
        self.assert_no_job_waits()

    def test_statement_timeout_ends_a_blocked_call_and_the_next_one_works(self):
        times_ms = []
        with self.postgres.session() as session:
            for _ in range(TRIES):
                session.run("SET statement_timeout = 200")
                start = time.monotonic()
                answer = session.run(BLOCKED)
                times_ms.append((time.monotonic() - start) * 1000 - 200)
                self.assertIn("ERROR:  57014: canceling statement due to statement timeout",
                              answer)
                session.run("RESET statement_timeout")
                self.assert_works(session)
        self.assert_kept("statement_timeout, after the limit", times_ms)
        self.assert_no_job_waits()

    @unittest.skipIf(version() < 17, "PostgreSQL has transaction_timeout from 17 on")
    def test_transaction_timeout_ends_a_blocked_call_and_its_session(self):
        times_ms = []
        for _ in range(TRIES):
            with self.postgres.session() as session:
                session.run("SET transaction_timeout = 200")
                start = time.monotonic()
                answer = session.run(BLOCKED)
                times_ms.append((time.monotonic() - start) * 1000 - 200)
                self.assertIn("FATAL:  25P04: terminating connection due to transaction timeout",
                              answer)
        self.assert_kept("transaction_timeout, after the limit", times_ms)
        self.assert_no_job_waits()

    def test_a_deadline_ends_a_call_for_a_function_without_a_worker_and_says_why(self):
        times_ms = []
        with self.postgres.session() as session:
            for _ in range(TRIES):
                start = time.monotonic()
                answer = session.run("SELECT gman_do('never', 'x', NULL, '200 ms')")
                times_ms.append((time.monotonic() - start) * 1000 - 200)
                self.assertIn("ERROR:  57014: ", answer)
                self.assertIn('function "never"', answer)
                self.assertIn("HINT:", answer)
            self.assertGreaterEqual(min(times_ms), 0)
            self.assert_works(session)
        self.assert_kept("deadline, after the limit", times_ms)

    def test_the_setting_is_the_deadline_of_calls_that_name_none(self):
        with self.postgres.session() as session:
            session.run("SET gman.deadline = '100ms'")
            self.assertIn("ERROR:  57014: ", session.run(BLOCKED))
            session.run("SET gman.deadline = '1h'")
            start = time.monotonic()
            self.assertIn("57014", session.run("SELECT gman_do('never', 'x', NULL, '100 ms')"))
            self.assertLess(time.monotonic() - start, PATIENCE_SECONDS)
            self.assert_works(session)

    def test_a_cancel_in_the_middle_of_a_large_reply_leaves_the_next_call_its_own_result(self):
        with self.postgres.session() as session:
            for after_ms in (1, 3, 10, 30):
                session.run(f"SET statement_timeout = {after_ms}")
                session.run("SELECT length(gman_do('bytes', repeat('41', 8000000)))")
                session.run("RESET statement_timeout")
                self.assert_works(session)

    def test_an_interrupt_can_be_caught_and_the_call_made_again_in_one_transaction(self):
        answer = self.postgres.sql("""
            SET gman.deadline = '100ms';
            DO $$ BEGIN
              PERFORM gman_do('never', 'x');
            EXCEPTION WHEN query_canceled THEN
              RAISE WARNING 'caught';
            END $$;
            SELECT gman_do('reverse', 'next');""")
        self.assertEqual(answer, "txen")

    def test_a_fast_shutdown_does_not_wait_for_a_blocked_call(self):
        with PrivatePostgres(servers=self.gmand.address) as postgres:
            postgres.sql("CREATE EXTENSION gman")
            with postgres.session() as session:
                session.start("SELECT gman_do('until_shutdown', 'x')")
                self.gmand.wait_admin("status", lambda answer: "until_shutdown\t1\t" in answer)
                start = time.monotonic()
                self.assertEqual(postgres.stop(), 0)
                self.assertLess(time.monotonic() - start, PATIENCE_SECONDS)
                self.assertIn("57P01", session.finish())

    def test_a_blocked_call_ends_when_the_postmaster_dies(self):
        with PrivatePostgres(servers=self.gmand.address) as postgres:
            postgres.sql("CREATE EXTENSION gman")
            with postgres.session() as session:
                session.start("SELECT gman_do('until_crash', 'x')")
                self.gmand.wait_admin("status", lambda answer: "until_crash\t1\t" in answer)
                postgres.crash()
                self.assertIn("server closed the connection unexpectedly", session.finish())


if __name__ == "__main__":
    unittest.main()
