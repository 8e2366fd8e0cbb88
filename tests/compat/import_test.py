# SPDX-License-Identifier: BSD-3-Clause
"""`gmand store import` takes over what Debian's gearmand has left in its SQLite queue."""
import contextlib
import sqlite3
import unittest

from gearmand import Gearmand
from gmand import Gmand
from imports import JOBS, ImportTestCase, submit_all
from wire import *  # pylint: disable=wildcard-import,unused-wildcard-import


class Import(ImportTestCase):
    def setUp(self):
        super().setUp()
        self.left = self.directory / "gearmand.db"
        self.source = f"sqlite:{self.left}"

    def gearmand(self):
        return Gearmand("--queue-type=libsqlite3", f"--libsqlite3-db={self.left}")

    def leave_all(self):
        with self.gearmand() as gearmand:
            submit_all(gearmand.address)

    def sql(self, path, query):
        with contextlib.closing(sqlite3.connect(path)) as database:
            rows = database.execute(query).fetchall()
            database.commit()
        return rows

    def test_every_job_that_gearmand_left_is_run(self):
        self.leave_all()
        before = self.left.read_bytes()
        said = self.run_import(self.source)
        self.assertIn(f"imported {len(JOBS)} jobs from sqlite:{self.left} gearman_queue", said)
        self.assertIn("run at a later time: 1", said)
        self.assertEqual(self.left.read_bytes(), before)
        self.expect_all_jobs()

    def test_a_second_import_is_refused_by_words_and_changes_nothing(self):
        self.leave_all()
        self.run_import(self.source)
        refusal = self.run_import(self.source, exit_code=2)
        self.assertIn("was imported before", refusal)
        self.assertIn(f"{len(JOBS)} jobs", refusal)
        self.assertIn("--again", refusal)
        self.expect_all_jobs()
        self.assertIn("was imported before", self.run_import(self.source, exit_code=2))

    def test_again_adds_what_does_not_wait_in_the_store(self):
        self.leave_all()
        self.run_import(self.source)
        self.sql(self.path, "DELETE FROM job WHERE unique_key IN ('one', 'later')")
        said = self.run_import(self.source, "--again")
        self.assertIn("imported 3 jobs", said)
        self.assertIn("left out, because the store has them: 2", said)
        self.expect_all_jobs()

    def test_jobs_that_the_store_has_keep_their_place(self):
        self.leave_all()
        with Gmand("--store", self.url) as gmand, Peer(gmand.address) as client:
            client.submit("resize", b"mine", b"one", kind=SUBMIT_JOB_BG)
            self.assertEqual(gmand.stop(), 0)
        said = self.run_import(self.source)
        self.assertIn(f"imported {len(JOBS) - 1} jobs", said)
        rows = self.sql(self.path, "SELECT CAST(workload AS TEXT) FROM job WHERE"
                                   " function_name = 'resize' AND unique_key = 'one'")
        self.assertEqual(rows, [("mine",)])

    def test_a_gearmand_that_still_runs_on_it_is_named(self):
        with self.gearmand() as gearmand:
            submit_all(gearmand.address)
            done = self.start_import(self.source)
            self.assertEqual(done.returncode, 0, done)
            self.assertIn(f"warning: sqlite:{self.left}", done.stderr)
            self.assertIn(f"gearmand (process {gearmand.pid})", done.stderr)

    def test_jobs_without_a_unique_are_not_taken_for_one(self):
        with contextlib.closing(sqlite3.connect(self.left)) as database:
            database.execute("CREATE TABLE other (unique_key TEXT, function_name TEXT,"
                             " priority INTEGER, data BLOB, when_to_run INTEGER)")
            database.executemany("INSERT INTO other VALUES ('', 'f', ?, x'00', 0)",
                                 [(1,), (1,), (9,)])
            database.commit()
        said = self.run_import(self.source, "--table", "other")
        self.assertIn("imported 3 jobs", said)
        self.assertIn("taken as normal: 1", said)
        said = self.run_import(self.source, "--table", "other", "--again")
        self.assertIn("imported 0 jobs", said)

    def test_many_jobs_come_in_their_order_within_one_function(self):
        count = 25_000
        with contextlib.closing(sqlite3.connect(self.left)) as database:
            database.execute("CREATE TABLE gearman_queue (unique_key TEXT, function_name TEXT,"
                             " priority INTEGER, data BLOB, when_to_run INTEGER,"
                             " PRIMARY KEY (unique_key, function_name))")
            database.executemany("INSERT INTO gearman_queue VALUES (?, 'f', 1, ?, 0)",
                                 ((f"u{-i}", str(i).encode()) for i in range(count)))
            database.commit()
        self.assertIn(f"imported {count} jobs", self.run_import(self.source))
        with Gmand("--store", self.url) as gmand, Peer(gmand.address) as worker:
            worker.send(CAN_DO, "f")
            for number in range(100):
                self.assertEqual(worker.grab()[2], str(number).encode())
            self.assertIn(f"f\t{count}\t", gmand.admin("status"))

    def test_what_cannot_be_imported_is_said(self):
        for source, words in ((self.source, "No such file"), ("sqlite:", "--from wants"),
                              ("gearmand.db", "--from wants")):
            self.assertIn(words, self.run_import(source, exit_code=2))
        self.left.write_bytes(b"letter\n" * 1000)
        self.assertIn("not a database", self.run_import(self.source, exit_code=2))
        self.left.unlink()
        self.sql(self.left, "CREATE TABLE something (a INTEGER)")
        self.assertIn("gearman_queue", self.run_import(self.source, exit_code=2))
        self.assertFalse(self.path.exists())

    def test_a_store_that_a_server_has_is_left_alone(self):
        self.leave_all()
        with Gmand("--store", self.url):
            self.assertIn("in use by another server", self.run_import(self.source, exit_code=2))


if __name__ == "__main__":
    unittest.main()
