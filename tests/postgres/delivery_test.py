# SPDX-License-Identifier: BSD-3-Clause
"""Delivery `commit` and gman.on_error when job servers are away, die, hang or refuse, at each
moment of a commit. What needs no such server is in sql/delivery.sql."""
import socket
import threading
import time
import unittest

from fixture import ExtensionCase
from gmand import Gmand
from lying_server import PATIENCE_SECONDS, PONG, LyingServer, answers

LATER = "SELECT count(gman_do_background('note', 'x', NULL, '{\"delivery\": \"commit\"}'))"
NOWHERE = "unix:/tmp/gman-no-such-socket"


class DiesAfterPing:
    """Answers one ping, and is gone as soon as more is asked of it."""

    def __enter__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def _run(self):
        self._listener.settimeout(PATIENCE_SECONDS)
        connection, _ = self._listener.accept()
        with connection:
            connection.settimeout(PATIENCE_SECONDS)
            asked = b""
            while b"gman ping" not in asked:
                asked += connection.recv(65536)
            connection.sendall(PONG)
            connection.recv(65536)
            self._listener.close()

    def __exit__(self, *_):
        self._thread.join(PATIENCE_SECONDS)
        self._listener.close()


class Commit(ExtensionCase):
    schema = "CREATE TABLE page (url text)"
    settings = {"gman.commit_budget": "10s"}  # the machine may be busy

    def setUp(self):
        self.session = self.enterContext(self.postgres.session())
        self.addCleanup(self.postgres.sql, "TRUNCATE page")

    def use(self, servers):
        self.assertEqual(self.session.run(f"SELECT gman_servers_set('{servers}')"), "t")

    def commit_of_a_row_with_a_job(self, jobs=LATER):
        for statement in ("BEGIN", "INSERT INTO page VALUES ('x')"):
            self.assertEqual(self.session.run(statement), "")
        self.assertEqual(self.session.run(jobs), "1")
        return self.session.run("COMMIT")

    def rows(self):
        return int(self.postgres.sql("SELECT count(*) FROM page"))

    def wait_until_blocked(self):
        """PostgreSQL has no event for another backend's wait, so this asks again and again."""
        until = time.monotonic() + PATIENCE_SECONDS
        while self.postgres.sql("SELECT wait_event_type FROM pg_stat_activity "
                                f"WHERE pid = {self.session.pid}") != "Extension":
            self.assertLess(time.monotonic(), until)

    def counters(self):
        answer = self.session.run("SELECT sent, failed, dropped FROM gman_deliveries "
                                  "WHERE delivery = 'commit'")
        return tuple(int(number) for number in answer.split("|"))

    def assert_next_transaction_sends(self):
        self.use(self.gmand.address)
        self.session.run("SELECT gman_do('note', '?')")
        self.assertEqual(self.commit_of_a_row_with_a_job(), "")
        self.assertEqual(self.session.run("SELECT gman_do('note', '?')"), "x")

    def install_outbox(self):
        self.postgres.sql("SET client_min_messages = warning; SELECT gman_outbox_install()")
        self.addCleanup(self.postgres.sql, "SET client_min_messages = warning; "
                        "DROP SCHEMA gman CASCADE; DROP ROLE gman_enqueuer, gman_relay, "
                        "gman_operator")

    def test_a_server_that_is_away_before_the_commit_aborts_it_cleanly(self):
        self.use(NOWHERE)
        answer = self.commit_of_a_row_with_a_job()
        self.assertIn("ERROR:  08001: ", answer)
        self.assertIn(NOWHERE, answer)
        self.assertEqual(self.rows(), 0)
        self.assertEqual(self.counters(), (0, 0, 1))
        self.assert_next_transaction_sends()

    def test_with_on_error_warning_it_commits_and_the_job_is_lost(self):
        self.use(NOWHERE)
        self.session.run("SET gman.on_error = warning")
        self.assertIn("WARNING:  08001: ", self.commit_of_a_row_with_a_job())
        self.assertEqual(self.rows(), 1)
        self.assertEqual(self.counters(), (0, 1, 0))
        self.assert_next_transaction_sends()

    def test_with_on_error_outbox_it_commits_and_the_job_is_a_row(self):
        self.install_outbox()
        self.use(NOWHERE)
        self.session.run("SET gman.on_error = outbox")
        self.assertEqual(self.commit_of_a_row_with_a_job(), "")
        self.assertEqual(self.rows(), 1)
        self.assertEqual(self.postgres.sql("SELECT function_name, workload FROM gman.outbox"),
                         "note|\\x78")
        self.assert_next_transaction_sends()

    def test_a_server_that_dies_at_the_commit_costs_a_warning_and_not_the_transaction(self):
        with DiesAfterPing() as dying:
            self.use(dying.address)
            answer = self.commit_of_a_row_with_a_job()
            self.assertIn("WARNING:  01000: 1 of 1 jobs of this transaction were not sent", answer)
            self.assertIn(dying.address, answer)
            self.assertIn("DETAIL:  The transaction is committed.", answer)
            self.assertIn("HINT:  ", answer)
        self.assertEqual(self.rows(), 1)
        self.assertEqual(self.counters(), (0, 1, 0))
        self.assert_next_transaction_sends()

    def test_a_server_that_hangs_at_the_commit_holds_it_up_no_longer_than_the_budget(self):
        with LyingServer(answers(PONG)) as liar:
            self.use(liar.address)
            self.session.run("SET gman.commit_budget = '1s'")
            start = time.monotonic()
            answer = self.commit_of_a_row_with_a_job()
            elapsed = time.monotonic() - start
            self.assertIn("WARNING:  01000: ", answer)
            self.assertGreaterEqual(elapsed, 1)
            self.assertLess(elapsed, PATIENCE_SECONDS)
        self.assertEqual(self.rows(), 1)
        self.assert_next_transaction_sends()

    def test_a_budget_that_is_spent_leaves_the_other_functions_unsent_and_counted(self):
        with LyingServer(answers(PONG)) as liar:
            self.use(liar.address)
            self.session.run("SET gman.commit_budget = '600ms'")
            answer = self.session.run(
                "SELECT count(gman_do_background('f' || i, 'x', NULL, "
                "'{\"delivery\": \"commit\"}')) FROM generate_series(1, 20) AS i")
            self.assertIn("WARNING:  01000: 20 of 20 jobs", answer)
        self.assertEqual(self.counters(), (0, 20, 0))

    def test_a_silent_server_holds_up_the_commit_no_longer_than_half_the_budget(self):
        """Whatever the settings allow to a call, also on a connection that was good before."""
        self.session.run("SET gman.connect_timeout = '1h'")
        self.session.run("SET gman.commit_budget = '600ms'")
        with LyingServer(answers(PONG)) as liar:
            self.use(liar.address)
            for statement in ("SELECT 'not connected'", "SELECT gman_ping()"):
                with self.subTest(statement), LyingServer(answers(b"")) as silent:
                    if "gman_ping" in statement:
                        self.session.run(statement)
                    else:
                        self.use(silent.address)
                    start = time.monotonic()
                    answer = self.commit_of_a_row_with_a_job()
                    elapsed = time.monotonic() - start
                    self.assertRegex(answer, "^ERROR:  (08001|57014): .*no answer.* within 300 ms")
                    self.assertGreaterEqual(elapsed, 0.3)
                    self.assertLess(elapsed, PATIENCE_SECONDS)
                self.use(liar.address)
        self.assertEqual(self.rows(), 0)
        self.assertIn("CONTEXT:  search for a job server before COMMIT, which gman.commit_budget "
                      "gives 300 ms", self.postgres.log())
        self.session.run("RESET gman.commit_budget")
        self.assert_next_transaction_sends()

    def test_of_a_silent_server_and_another_one_the_budget_is_enough_for_both(self):
        with LyingServer(answers(b"")) as silent:
            self.use(f"{silent.address},{self.gmand.address}")
            self.session.run("SET gman.connect_timeout = '1h'")
            self.session.run("SET gman.commit_budget = '8s'")
            self.assertEqual(self.commit_of_a_row_with_a_job(), "")
            self.assertEqual(silent.accepted, 1)
        self.assertEqual((self.rows(), self.counters()), (1, (1, 0, 0)))

    def test_the_smallest_budget_is_short_and_not_endless(self):
        with LyingServer(answers(b"")) as silent:
            self.use(f"{silent.address},{silent.address}")
            self.session.run("SET gman.connect_timeout = '1h'")
            self.session.run("SET gman.commit_budget = 1")
            start = time.monotonic()
            self.assertIn("within 1 ms", self.commit_of_a_row_with_a_job())
            self.assertLess(time.monotonic() - start, PATIENCE_SECONDS)
        self.session.run("RESET gman.commit_budget")
        self.assert_next_transaction_sends()

    def test_a_cancel_while_the_commit_asks_for_a_server_aborts_it(self):
        with LyingServer(answers(b"")) as silent:
            self.use(silent.address)
            self.session.run("SET gman.connect_timeout = '1h'")
            self.session.run("SET gman.commit_budget = '1min'")
            self.session.run("BEGIN")
            self.session.run("INSERT INTO page VALUES ('x')")
            self.session.run(LATER)
            self.session.start("COMMIT")
            self.wait_until_blocked()
            self.postgres.sql(f"SELECT pg_cancel_backend({self.session.pid})")
            self.assertIn("ERROR:  57014: canceling statement due to user request",
                          self.session.finish())
        self.assertEqual(self.rows(), 0)
        self.assert_next_transaction_sends()

    def test_a_terminate_while_the_jobs_are_sent_comes_after_the_budget_and_keeps_the_row(self):
        bystander = self.enterContext(self.postgres.session())
        with LyingServer(answers(PONG)) as liar:
            self.use(liar.address)
            self.session.run("SET gman.commit_budget = '1s'")
            self.session.run("BEGIN")
            self.session.run("INSERT INTO page VALUES ('x')")
            self.session.run(LATER)
            self.session.start("COMMIT")
            self.wait_until_blocked()
            until = time.monotonic() + PATIENCE_SECONDS
            while self.rows() == 0:  # it is visible while its jobs are being sent
                self.assertLess(time.monotonic(), until)
            self.postgres.sql(f"SELECT pg_terminate_backend({self.session.pid})")
            self.assertIn("WARNING:  01000: ", self.session.finish())
            self.assertIn("server closed the connection", self.session.run("SELECT 'next'"))
        self.assertEqual(self.rows(), 1)
        # A backend that had died would have taken all others with it.
        self.assertEqual(bystander.run("SELECT 'still here'"), "still here")

    def test_a_refused_job_is_a_warning_that_quotes_the_server(self):
        with Gmand("--queue-max", "1") as small:
            self.use(small.address)
            answer = self.session.run(
                "SELECT count(gman_do_background('never', i::text, NULL, "
                "'{\"delivery\": \"commit\"}')) FROM generate_series(1, 3) AS i")
            self.assertIn("WARNING:  01000: 2 of 3 jobs of this transaction were not sent", answer)
            self.assertIn('the server refused: QUEUE_ERROR "Job queue is full"', answer)
            self.assertEqual(self.counters(), (1, 2, 0))

    def test_every_job_arrives_once_whatever_the_functions_priorities_and_times(self):
        self.session.run("SET gman.commit_jobs_max = 3000")
        self.assertEqual(self.session.run(
            "SELECT count(gman_do_background('many_' || i % 3, i::text, NULL, "
            "jsonb_build_object('delivery', 'commit', 'priority', "
            "(ARRAY['high', 'normal', 'low'])[i % 2 + 1], 'run_at', "
            "CASE WHEN i % 5 = 0 THEN '2100-01-01' ELSE '2000-01-01' END))) "
            "FROM generate_series(1, 3000) AS i"), "3000")
        self.assertEqual(self.counters(), (3000, 0, 0))
        self.gmand.wait_admin("status", lambda answer: all(
            f"many_{i}\t1000\t" in answer for i in range(3)))

    def test_a_crowd_of_sessions_commits_at_once(self):
        clients = [self.postgres.popen_sql(
            "INSERT INTO page VALUES ('x'); "
            "DO $$ BEGIN FOR i IN 1..20 LOOP "
            "PERFORM gman_do_background('crowd', i::text, NULL, '{\"delivery\": \"commit\"}'); "
            "IF i % 2 = 0 THEN ROLLBACK; ELSE COMMIT; END IF; END LOOP; END $$")
            for _ in range(10)]
        for client in clients:
            _, told = client.communicate()
            self.assertEqual((client.returncode, told), (0, b""))
        self.gmand.wait_admin("status", lambda answer: "crowd\t100\t" in answer)

    def test_a_parallel_worker_is_refused(self):
        self.session.run("CREATE FUNCTION wrongly_safe(text) RETURNS text LANGUAGE sql "
                         f"PARALLEL SAFE AS $$ {LATER.replace('count', '')} $$")
        self.session.run("CREATE TABLE many AS SELECT i::text AS word "
                         "FROM generate_series(1, 10000) AS i")
        self.addCleanup(self.postgres.sql, "DROP TABLE many; DROP FUNCTION wrongly_safe; ALTER "
                        "FUNCTION gman_do_background(text, text, text, jsonb) PARALLEL UNSAFE")
        for statement in (
                "ALTER FUNCTION gman_do_background(text, text, text, jsonb) PARALLEL SAFE",
                "SET parallel_setup_cost = 0", "SET parallel_tuple_cost = 0",
                "SET min_parallel_table_scan_size = 0", "SET parallel_leader_participation = off"):
            self.session.run(statement)
        self.assertIn("cannot call job servers in a parallel worker",
                      self.session.run("SELECT wrongly_safe(word) FROM many"))

    def test_immediate_jobs_follow_on_error_too(self):
        self.use(NOWHERE)
        submit = "SELECT gman_do_background('note', 'x')"
        self.assertIn("ERROR:  08001: ", self.session.run(submit))
        self.session.run("SET gman.on_error = warning")
        answer = self.session.run(submit)
        self.assertIn("WARNING:  08001: ", answer)
        self.assertNotIn("ERROR", answer)
        self.session.run("SET gman.on_error = outbox")
        self.assertIn("ERROR:  42P01: ", self.session.run(submit))
        self.install_outbox()
        self.assertRegex(self.session.run(submit), "^[0-9a-f-]{36}:[0-9]+$")
        self.assertIn("ERROR:  08001: ", self.session.run("SELECT gman_do('reverse', 'x')"))

    def test_what_is_refused_of_a_statement_is_an_error_a_warning_or_rows(self):
        self.install_outbox()
        insert = "INSERT INTO page SELECT i::text FROM generate_series(1, 3) AS i"
        with Gmand("--queue-max", "1") as small:
            self.use(small.address)
            self.session.run("SELECT gman_watch('page', 'never', 'url', "
                             "'{\"level\": \"statement\", \"delivery\": \"immediate\"}')")
            refused = f'{small.address} refused 2 of 3 jobs of function "never": QUEUE_ERROR'
            self.assertIn("ERROR:  58000: " + refused, self.session.run(insert))
            self.assertEqual(self.rows(), 0)
            self.session.run("SET gman.on_error = warning")
            refused = refused.replace("2 of", "3 of")  # the first job of before still waits
            self.assertIn("WARNING:  58000: " + refused, self.session.run(insert))
            self.assertEqual(self.rows(), 3)
            self.session.run("SET gman.on_error = outbox")
            self.assertEqual(self.session.run(insert), "")
            self.assertEqual(self.rows(), 6)
            self.assertEqual(self.postgres.sql(
                "SELECT convert_from(workload, 'UTF8') FROM gman.outbox ORDER BY id"), "1\n2\n3")
        self.use(NOWHERE)  # and when nothing of it can be sent
        self.session.run(insert)
        self.assertEqual(self.postgres.sql("SELECT count(*) FROM gman.outbox"), "6")
        self.session.run("SELECT gman_unwatch('page', 'never')")

    def test_a_relay_that_listens_is_told_of_a_row_when_it_wants_to_be(self):
        self.install_outbox()
        self.session.run("SET gman.delivery = outbox")
        self.session.run("LISTEN gman_outbox")
        told = 'Asynchronous notification "gman_outbox" received'
        for is_wanted in ("false", "true"):
            self.session.run(f"SELECT gman.notify({is_wanted})")
            answer = self.session.run("SELECT gman_do_background('f', 'x')")
            answer += self.session.run("SELECT 'and after'")
            self.assertEqual(told in answer, is_wanted == "true")
        self.session.run("UNLISTEN gman_outbox")

    def test_in_a_read_only_transaction_immediate_and_commit_work_and_outbox_cannot(self):
        self.install_outbox()
        self.session.run("SELECT gman_do('note', '?')")
        self.session.run("BEGIN READ ONLY")
        self.session.run("SELECT gman_do_background('note', 'now')")
        self.session.run(LATER)
        self.assertEqual(self.session.run("COMMIT"), "")
        self.assertEqual(self.session.run("SELECT gman_do('note', '?')"), "now\nx")
        self.session.run("BEGIN READ ONLY")
        self.assertIn("ERROR:  25006: ", self.session.run(
            "SELECT gman_do_background('note', 'x', NULL, '{\"delivery\": \"outbox\"}')"))
        self.session.run("ROLLBACK")


if __name__ == "__main__":
    unittest.main()
