# SPDX-License-Identifier: BSD-3-Clause
"""Jobs of triggers and workers that run meanwhile; what a dump keeps of watches. What SQL alone can
show is in sql/triggers.sql and sql/watches.sql."""
import subprocess
import unittest

from gearmand import Gearmand
from gmand import Gmand
from postgres import PrivatePostgres, server_program
from wire import CAN_DO, WORK_COMPLETE, Peer

TABLE = "CREATE TABLE page (id int PRIMARY KEY, url text)"


class Watches(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gmand = cls.enterClassContext(Gmand())
        cls.postgres = cls.enterClassContext(PrivatePostgres(servers=cls.gmand.address))
        cls.postgres.sql("CREATE EXTENSION gman")

    def setUp(self):
        self.postgres.sql(f"{TABLE}; CREATE ROLE writer LOGIN; "
                          "GRANT INSERT, UPDATE, SELECT, DELETE ON page TO writer")
        self.addCleanup(self.postgres.sql,
                        "DROP TABLE page; DROP OWNED BY writer; DROP ROLE writer")

    def worker(self, server, function):
        worker = self.enterContext(Peer(server.address))
        worker.send(CAN_DO, function)
        worker.echo()
        return worker

    def run_update_during_the_job(self, server, function, options="{}"):
        """The worker has read the row as it was when it is changed again, twice: how many jobs the
        changes were, seen by the workloads that the worker gets."""
        sql = self.postgres.sql
        session = self.enterContext(self.postgres.session(user="writer"))
        sql(f"SELECT gman_watch('page', '{function}', '#pk', '{options}')")
        worker = self.worker(server, function)
        session.run("INSERT INTO page VALUES (1, 'old')")
        handle, _, workload = worker.grab()
        workloads = [workload]
        session.run("UPDATE page SET url = 'new'")
        session.run("UPDATE page SET url = 'newer'")
        worker.send(WORK_COMPLETE, handle, b"")
        handle, _, workload = worker.grab()
        workloads.append(workload)
        worker.send(WORK_COMPLETE, handle, b"")
        worker.echo()
        return workloads, server.admin("status")

    def test_an_update_during_the_jobs_run_is_indexed_too_and_two_are_one_job(self):
        for options in ('{}', '{"level": "statement"}', '{"delivery": "commit"}'):
            with self.subTest(options):
                workloads, status = self.run_update_during_the_job(self.gmand, "index", options)
                self.assertEqual(workloads, [b"1", b"1"])
                self.assertIn("index\t0\t0\t", status)
                self.postgres.sql("SELECT gman_unwatch('page', 'index'); TRUNCATE page")

    def test_to_a_server_that_would_join_a_running_job_they_go_without_a_unique(self):
        with Gearmand() as gearmand:
            self.postgres.sql(f"ALTER ROLE writer SET gman.servers = '{gearmand.address}'")
            workloads, status = self.run_update_during_the_job(gearmand, "index_there")
            self.assertEqual(workloads, [b"1", b"1"])
            self.assertIn("index_there\t1\t", status)  # the second UPDATE is a job of its own
            with self.postgres.session(user="writer") as session:
                session.run("BEGIN")
                session.run("SET LOCAL gman.delivery = commit")
                session.run("INSERT INTO page VALUES (2, 'x')")
                self.assertEqual(session.run("COMMIT"), "")
            gearmand.wait_admin("status", lambda answer: "index_there\t2\t" in answer)

    def test_who_writes_the_table_needs_no_grant_for_its_outbox(self):
        self.postgres.sql("SET client_min_messages = warning; SELECT gman_outbox_install(); "
                          "SELECT gman_watch('page', 'f', '#pk', '{\"delivery\": \"outbox\"}')")
        self.postgres.sql("INSERT INTO page VALUES (1), (2); UPDATE page SET url = 'x'",
                          user="writer")
        self.assertEqual(self.postgres.sql(
            "SELECT unique_key, convert_from(workload, 'UTF8') FROM gman.outbox ORDER BY id"),
            "public.page:1|1\npublic.page:2|2\npublic.page:1|1\npublic.page:2|2")
        self.postgres.sql("SET client_min_messages = warning; DROP SCHEMA gman CASCADE")

    def test_a_large_statement_is_sent_in_few_packets_and_none_is_missing(self):
        for delivery in ("immediate", "commit"):
            function = f"large_{delivery}"
            self.postgres.sql(f"""SELECT gman_watch('page', '{function}', '#pk',
                    '{{"level": "statement", "delivery": "{delivery}", "events": ["insert"]}}');
                SET gman.commit_jobs_max = 20000;
                INSERT INTO page SELECT i, 'x' FROM generate_series(1, 20000) AS i;
                TRUNCATE page;""")
            self.gmand.wait_admin("status", lambda answer: f"{function}\t20000\t" in answer)
            self.postgres.sql(f"SELECT gman_unwatch('page', '{function}')")

    def test_a_dump_keeps_watches_and_their_options(self):
        self.postgres.sql("""SELECT gman_watch('page', 'f', 'url', '{"priority": "high"}');
                             CREATE DATABASE restored""")
        self.addCleanup(self.postgres.sql, "DROP DATABASE restored")
        watches = self.postgres.sql("SELECT * FROM gman_watches ORDER BY trigger_name")
        self.assertEqual(watches.count("\n"), 1)
        where = ["-h", self.postgres.socket_dir, "-p", str(self.postgres.port), "-U", "postgres"]
        dump = subprocess.run([server_program("pg_dump"), *where, "postgres"], check=True,
                              capture_output=True, text=True).stdout
        self.postgres.sql(dump, database="restored")
        self.assertEqual(self.postgres.sql("SELECT * FROM gman_watches ORDER BY trigger_name",
                                           database="restored"), watches)

    def test_a_watch_may_be_made_and_unmade_by_the_tables_owner_alone(self):
        self.postgres.sql("""GRANT EXECUTE ON FUNCTION gman_watch(regclass, text, text, jsonb),
                               gman_unwatch(regclass, text), gman_trigger() TO writer""")
        with self.postgres.session(user="writer") as session:
            self.assertIn("ERROR:  42501: ", session.run("SELECT gman_watch('page', 'f')"))
            self.postgres.sql("ALTER TABLE page OWNER TO writer")
            self.assertEqual(session.run("SELECT gman_watch('page', 'f')"), "")
            self.assertEqual(session.run("SELECT gman_unwatch('page', 'f')"), "t")


if __name__ == "__main__":
    unittest.main()
