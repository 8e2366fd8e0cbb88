# SPDX-License-Identifier: BSD-3-Clause
"""A backend that waits for a job obeys at once: cancel, time limits, terminate, shutdown.

The promise is 100 ms. A loaded machine may delay any single try, so the best of several counts;
each of them must end within a few seconds whatever the load.

GMAN_CANCELS=10000 makes a long run of the test that looks for leaks.
"""
import os
import pathlib
import re
import tempfile
import time
import unittest

import wire
from fixture import ExtensionCase
from gmand import Gmand
from lying_server import CREATED, LyingServer, answers, response
from odd_worker import OddWorker
from patience import wait_until
from postgres import PrivatePostgres, version
from stages import FullBacklog, SilentResolver

PROMISE_MS = 100
TRIES = 5
PATIENCE_SECONDS = 10
BLOCKED = "SELECT gman_do('never', 'x')"
LARGE_REPLY = "SELECT length(gman_do('bytes', repeat('41', 300000)))"
CANCELS = int(os.environ.get("GMAN_CANCELS", "300"))
LEAK_BYTES_MAX = 1 << 20


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident_bytes(pid):
    """Of what the process has allocated itself, and not of what it maps or shares."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return 1024 * int(re.search(r"^RssAnon:\s+(\d+) kB$", status, re.MULTILINE)[1])


def wait_until_blocked(admin, pid):
    """PostgreSQL has no event for another backend's wait, so this asks again and again."""
    wait_until(lambda: admin.run("SELECT wait_event_type FROM pg_stat_activity "
                                 f"WHERE pid = {pid}") == "Extension",
               "the backend waits for a job", PATIENCE_SECONDS)


class Waiting(ExtensionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.admin = cls.enterClassContext(cls.postgres.session())

    def end_blocked_call(self, how, expected):
        """Milliseconds from `how` to the end of a blocked gman_do(), in a session of its own."""
        with self.postgres.session() as session:
            session.start(BLOCKED)
            wait_until_blocked(self.admin, session.pid)
            start = time.monotonic()
            self.assertEqual(self.admin.run(f"SELECT {how}({session.pid})"), "t")
            answer = session.finish()
            elapsed_ms = (time.monotonic() - start) * 1000
            self.assertIn(expected, answer)
            if how == "pg_cancel_backend":
                self.assert_works(session)
            return elapsed_ms

    def ms_after_limit(self, session, limit, expected):
        """How long after it a blocked call has ended, with what is expected."""
        session.run(f"SET {limit} = 200")
        start = time.monotonic()
        answer = session.run(BLOCKED)
        elapsed_ms = (time.monotonic() - start) * 1000
        self.assertIn(expected, answer)
        return elapsed_ms - 200

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
                times_ms.append(self.ms_after_limit(
                    session, "statement_timeout",
                    "ERROR:  57014: canceling statement due to statement timeout"))
                session.run("RESET statement_timeout")
                self.assert_works(session)
        self.assert_kept("statement_timeout, after the limit", times_ms)
        self.assert_no_job_waits()

    @unittest.skipIf(version() < 17, "PostgreSQL has transaction_timeout from 17 on")
    def test_transaction_timeout_ends_a_blocked_call_and_its_session(self):
        times_ms = []
        for _ in range(TRIES):
            with self.postgres.session() as session:
                times_ms.append(self.ms_after_limit(
                    session, "transaction_timeout",
                    "FATAL:  25P04: terminating connection due to transaction timeout"))
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

    def cancel_calls(self, session, cancels):
        """In turn while a call waits for a worker and, with luck, in the middle of its reply; since
        a cancel ends the connection, some come while the next call connects."""
        until = time.monotonic() + PATIENCE_SECONDS + cancels * PATIENCE_SECONDS / 100
        cancelled = tries = 0
        while cancelled < cancels:
            self.assertLess(time.monotonic(), until)
            tries += 1
            session.run(f"SET statement_timeout = {1 + tries % 4}")
            answer = session.run(LARGE_REPLY if tries % 8 == 0 else BLOCKED)
            cancelled += "ERROR:  57014: canceling statement due to statement timeout" in answer
        session.run("SET statement_timeout = 0")
        self.assert_works(session)

    def test_cancels_leak_neither_descriptors_nor_memory(self):
        def held():
            contexts = int(session.run("SELECT sum(used_bytes) FROM pg_backend_memory_contexts"))
            return descriptors(session.pid), contexts, resident_bytes(session.pid)

        with self.postgres.session() as session:
            self.cancel_calls(session, 50)  # what is made once is made now
            held()
            server_before = descriptors(self.gmand.pid)
            before = held()
            self.cancel_calls(session, CANCELS)
            after = held()
            print(f"{CANCELS} cancels, descriptors, bytes of contexts, resident bytes: "
                  f"{before} before, {after} after", flush=True)
            self.assertEqual(after[0], before[0])
            for grown, was in zip(after[1:], before[1:]):
                self.assertLessEqual(grown - was, LEAK_BYTES_MAX)
            # It hears of a hang-up by and by.
            wait_until(lambda: descriptors(self.gmand.pid) <= server_before,
                       "gmand has no more descriptors than before")
        self.assert_no_job_waits()

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


class Stages(unittest.TestCase):
    """Wherever a call may wait, and whoever ends it. What the servers say is told in lying_server:
    a stage has been reached when the backend waits."""

    SERVERS = {
        "connecting": FullBacklog,
        "awaiting the first word": lambda: LyingServer(answers(b"")),
        "half a reply": lambda: LyingServer(answers(CREATED[:-2])),
        "awaiting the result": lambda: LyingServer(answers(CREATED)),
        "half a result": lambda: LyingServer(
            answers(CREATED + response(wire.WORK_COMPLETE, "H:liar:1", "the whole")[:-4])),
    }
    ENDS = {"pg_cancel_backend": "canceling statement due to user request",
            "pg_terminate_backend": "terminating connection"}

    def assert_quick_ends(self, postgres, address, at_stage):
        """Of a cancel, a terminate and a statement_timeout; the backend's next call works unless it
        was terminated."""
        with Gmand() as gmand, OddWorker(gmand.address), postgres.session() as admin:
            os.chmod(gmand.directory, 0o711)  # PostgreSQL may run under another account
            os.chmod(gmand.unix_socket, 0o666)
            self.admin, self.works = admin, f"unix:{gmand.unix_socket}"
            for how in (*self.ENDS, "statement_timeout"):
                with self.subTest(at_stage, how=how):
                    times_ms = []
                    for _ in range(TRIES):
                        times_ms.append(self.end_ms(postgres, address, how))
                        if times_ms[-1] <= PROMISE_MS:
                            break
                    self.assertLessEqual(times_ms[-1], PROMISE_MS, times_ms)

    def end_ms(self, postgres, address, how):
        with postgres.session() as session:
            session.run("SET gman.connect_timeout = '10min'")
            session.run(f"SELECT gman_servers_set('{address}')")
            if how == "statement_timeout":
                session.run("SET statement_timeout = 200")
                start = time.monotonic()
                self.assertIn("due to statement timeout", session.run(BLOCKED))
                ended_ms = (time.monotonic() - start) * 1000 - 200
                session.run("RESET statement_timeout")
            else:
                session.start(BLOCKED)
                wait_until_blocked(self.admin, session.pid)
                start = time.monotonic()
                self.admin.run(f"SELECT {how}({session.pid})")
                self.assertIn(self.ENDS[how], session.finish())
                ended_ms = (time.monotonic() - start) * 1000
            if how != "pg_terminate_backend":
                session.run(f"SELECT gman_servers_set('{self.works}')")
                self.assertEqual(session.run("SELECT gman_do('reverse', 'next')"), "txen")
            return ended_ms

    def test_every_end_is_quick_at_every_stage(self):
        with PrivatePostgres() as postgres:
            postgres.sql("CREATE EXTENSION gman")
            for stage, serve in self.SERVERS.items():
                with serve() as server:
                    self.assert_quick_ends(postgres, server.address, stage)

    def test_every_end_is_quick_while_a_name_is_being_resolved(self):
        with tempfile.TemporaryDirectory() as directory, SilentResolver(directory) as resolver, \
                PrivatePostgres(namespace=resolver) as postgres:
            postgres.sql("CREATE EXTENSION gman")
            self.assert_quick_ends(postgres, resolver.address, "resolving")
            self.assertTrue(resolver.reached.is_set())


if __name__ == "__main__":
    unittest.main()
