# SPDX-License-Identifier: BSD-3-Clause
"""The outbox in PostgreSQL: its table, its functions, its roles, its indexes."""
import unittest

from outbox import OutboxPostgres
from outbox_cases import OutboxCases
from postgres import SqlError

LEASED = """
    EXPLAIN (COSTS off) SELECT id FROM gman.outbox
     WHERE state = 'ready' AND delivery = 'queue' AND function_name = 'f' AND priority = 'normal'
       AND run_at <= clock_timestamp() ORDER BY run_at, id LIMIT 1000 FOR UPDATE SKIP LOCKED"""


class Outbox(OutboxCases, unittest.TestCase):
    database_class = OutboxPostgres
    error_class = SqlError
    true = "t"

    @staticmethod
    def bytes_of(text):
        return f"convert_to('{text}', 'UTF8')"

    def test_errors_have_states_that_programs_can_tell_apart(self):
        for state, job, options in (("22004", (None, "w"), {}), ("22004", ("f", None), {}),
                                    ("22023", ("", "w"), {}),
                                    ("22023", ("f", "w"), {"priority": "x"}),
                                    ("22023", ("f", "w"), {"run_at": "infinity"}),
                                    ("22023", ("f", "w"), {"run_at": "-infinity"})):
            with self.subTest(job=job), self.assertRaises(SqlError) as raised:
                self.database.enqueue(*job, **options)
            self.assertEqual(raised.exception.sqlstate, state)

    def test_a_time_that_never_comes_is_refused_by_the_table_too(self):
        """The relay could not say how long it is until then, and would look at nothing else."""
        for time in ("infinity", "-infinity"):
            with self.subTest(time=time), self.assertRaisesRegex(SqlError, "run_at_is_finite"):
                self.database.sql("INSERT INTO gman.outbox (function_name, workload, run_at) "
                                  f"VALUES ('f', '', '{time}')")

    def test_a_workload_of_64_mib_is_the_largest(self):
        self.database.sql("SELECT gman.enqueue('f', convert_to(repeat('x', 67108864), 'UTF8'))")
        with self.assertRaisesRegex(SqlError, "the workload has 67108865 bytes"):
            self.database.sql("SELECT gman.enqueue('f', convert_to(repeat('x', 67108865), 'UTF8'))")

    def test_a_prepared_transaction_enqueues_when_it_commits(self):
        with OutboxPostgres(settings={"max_prepared_transactions": "1"}) as database:
            database.sql("BEGIN; SELECT gman.enqueue('f', 'w'); PREPARE TRANSACTION 'two'")
            self.assertEqual(database.count(), 0)
            database.sql("COMMIT PREPARED 'two'")
            self.assertEqual(database.count(), 1)

    def test_roles_may_do_their_part_and_no_more(self):
        self.database.sql("""
            CREATE ROLE app LOGIN IN ROLE gman_enqueuer; CREATE ROLE relay LOGIN IN ROLE gman_relay;
            CREATE ROLE dba LOGIN IN ROLE gman_operator; CREATE ROLE stranger LOGIN""")
        self.addCleanup(self.database.sql, "DROP ROLE app, relay, dba, stranger")
        self.database.sql("SELECT gman.enqueue('f', 'w')", user="app")
        self.database.sql("SELECT gman.pause('f'); SELECT gman.resume('f')", user="dba")
        self.database.sql("SELECT count(*) FROM gman.outbox_stats", user="dba")
        self.database.sql("UPDATE gman.outbox SET attempts = 0; DELETE FROM gman.outbox",
                          user="relay")
        for user, statement in (("app", "SELECT * FROM gman.outbox"),
                                ("app", "SELECT gman.pause('f')"),
                                ("relay", "UPDATE gman.outbox SET workload = ''"),
                                ("relay", "INSERT INTO gman.outbox (function_name, workload) "
                                          "VALUES ('f', '')"),
                                ("dba", "DELETE FROM gman.outbox"),
                                ("stranger", "SELECT gman.enqueue('f', 'w')")):
            with self.subTest(user=user, statement=statement), \
                    self.assertRaisesRegex(SqlError, "42501"):
                self.database.sql(statement, user=user)

    def test_it_is_not_installed_into_a_schema_of_somebody_else(self):
        self.database.sql("CREATE ROLE thief; CREATE ROLE installer LOGIN; CREATE DATABASE other")
        self.addCleanup(self.database.sql, "DROP DATABASE other; DROP ROLE thief, installer")

        def install(user):
            self.database.sql("SET client_min_messages = warning;" +
                              self.database.script("outbox.sql"), user=user, database="other")
        self.database.sql("CREATE SCHEMA gman AUTHORIZATION thief; CREATE TABLE gman.outbox (); "
                          "GRANT ALL ON SCHEMA gman TO installer; "
                          "GRANT CREATE ON DATABASE other TO installer", database="other")
        for user in ("postgres", "installer"):
            with self.subTest(user=user), \
                    self.assertRaisesRegex(SqlError, "42501.*belongs to role thief"):
                install(user)
        self.assertEqual(self.database.sql(
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'gman'::regnamespace",
            database="other"), "1")
        # One of its own, or of a superuser's, is as good as none.
        self.database.sql("DROP TABLE gman.outbox; ALTER SCHEMA gman OWNER TO installer",
                          database="other")
        install("installer")
        self.database.sql("DROP SCHEMA gman CASCADE; CREATE SCHEMA gman; "
                          "GRANT ALL ON SCHEMA gman TO installer", database="other")
        install("postgres")

    def test_hundred_thousands_of_rows_of_others_are_in_nobodys_way(self):
        """Paused, scheduled and dead ones: what is due is found by the index all the same."""
        self.database.sql("""
            INSERT INTO gman.outbox (function_name, workload, run_at)
            SELECT 'paused', '', now() FROM generate_series(1, 150000);
            INSERT INTO gman.outbox (function_name, workload, run_at)
            SELECT 'f', '', now() + interval '1 day' FROM generate_series(1, 150000);
            INSERT INTO gman.outbox (function_name, workload, state)
            SELECT 'f', '', 'dead' FROM generate_series(1, 50000);
            SELECT gman.enqueue('f', 'due');
            ANALYZE gman.outbox""")
        plan = self.database.sql(LEASED)
        self.assertIn("Index Scan using outbox_by_time", plan)
        self.assertNotIn("Sort", plan)
        blocks = self.database.sql(LEASED.replace("(COSTS off)",
                                                  "(ANALYZE, BUFFERS, COSTS off, TIMING off)"))
        self.assertRegex(blocks, r"shared hit=\d{1,2}\b")


if __name__ == "__main__":
    unittest.main()
