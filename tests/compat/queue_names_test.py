# SPDX-License-Identifier: BSD-3-Clause
"""gmand with gearmand's -q and the options of its queues in SQLite and Redis."""
import contextlib
import pathlib
import shutil
import sqlite3
import subprocess
import tempfile
import unittest

from gmand import BINARY, Gmand
from imports import JOBS
from queue_names import QueueNames
from redis_server import PrivateRedis
from wire import *  # pylint: disable=wildcard-import,unused-wildcard-import


class Sqlite(QueueNames, unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="gman-names-", dir="/var/tmp"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.path = self.directory / "gearmand.db"
        self.options = ("-q", "libsqlite3", "--libsqlite3-db", str(self.path))

    def test_jobs_outlive_a_kill(self):
        self.expect_that_jobs_outlive_a_kill()
        self.assertFalse(self.path.exists())
        self.assertTrue((self.directory / "gearmand.db.gmand").exists())

    def test_jobs_that_gearmand_left_can_be_had_and_its_file_stays_as_it_is(self):
        self.expect_that_gearmands_jobs_can_be_had()
        with contextlib.closing(sqlite3.connect(self.path)) as database:
            self.assertEqual(database.execute("SELECT count(*) FROM gearman_queue").fetchall(),
                             [(5,)])

    def test_another_table_is_looked_at(self):
        self.options += ("--libsqlite3-table", "mine")
        self.expect_that_gearmands_jobs_can_be_had()

    def test_an_import_that_was_cut_short_is_still_told(self):
        self.expect_that_gearmands_jobs_can_be_had()
        with contextlib.closing(sqlite3.connect(f"{self.path}.gmand")) as database:
            database.execute("UPDATE import SET jobs = NULL")
            database.commit()
        with self.start() as gmand:
            self.assertIn(" --again", gmand.wait_log("gearmand has left jobs"))

    def test_a_file_of_gearmands_that_cannot_be_read_is_a_warning(self):
        self.path.write_bytes(b"letter\n" * 1000)
        with self.start() as gmand:
            self.assertIn("not a database", gmand.wait_log("cannot tell whether"))

    def test_gearmands_own_kind_of_file_says_the_same(self):
        file = self.directory / "gearmand.conf"
        file.write_text(f"--queue-type=libsqlite3\n--libsqlite3-db={self.path}\n"
                        "--store-queue-on-shutdown\n")
        with Gmand("--config-file", file) as gmand, Peer(gmand.address) as client:
            client.submit("f", b"x", kind=SUBMIT_JOB_BG)
            self.assertIn("--store-queue-on-shutdown", gmand.wait_log("it changes nothing"))
            gmand.kill()
        with Gmand("--config-file", file) as gmand:
            self.assertIn("f\t1\t0\t0", gmand.admin("status"))

    def test_a_store_beside_it_is_refused(self):
        done = subprocess.run([BINARY, *self.options, "--store", "memory:"], capture_output=True,
                              text=True, timeout=20, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--store and --queue-type both say", done.stderr)


class Redis(QueueNames, unittest.TestCase):
    # gearmand keeps no times there.
    jobs = [job for job in JOBS if job[3] is None]

    def setUp(self):
        self.password = "p w:/@"
        self.server = self.enterContext(PrivateRedis(password=self.password))
        self.options = ("-q", "redis", "--redis-server", "127.0.0.1",
                        "--redis-port", str(self.server.port), "--redis-password", self.password)

    def test_jobs_outlive_a_kill(self):
        self.expect_that_jobs_outlive_a_kill()

    def test_jobs_that_gearmand_left_can_be_had_and_its_keys_stay_as_they_are(self):
        self.expect_that_gearmands_jobs_can_be_had()
        self.assertEqual(len(self.server.ask("KEYS", "_gear_-*").split()), len(self.jobs))

    def test_keys_with_another_prefix_are_looked_at(self):
        self.options += ("--redis-prefix", "mine*")
        self.expect_that_gearmands_jobs_can_be_had()

    def test_names_are_those_of_the_fields_or_end_before_a_uuid(self):
        uuid = "123e4567-e89b-12d3-a456-426614174000"
        for key, fields in ((f"_gear_-re-size-{uuid}", ("data", "a", "priority", "0")),
                            ("_gear_-re-size-b-1", ("data", "b", "priority", "1",
                                                    "function", "re-size", "unique", "b-1")),
                            ("_gear_-resize-c-1", ("data", "c", "priority", "2"))):
            self.server.ask("HSET", key, *fields)
        self.server.ask("SET", "_gear_-resize-d", "d")  # as before priorities were kept
        self.server.ask("SET", "_gear_none", "of its jobs")
        url = f"redis://:p%20w%3A%2F%40@127.0.0.1:{self.server.port}"
        done = subprocess.run([BINARY, "store", "import", url, "--from", url],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(done.stderr, "")
        self.assertIn("imported 4 jobs", done.stdout)
        with self.start() as gmand, Peer(gmand.address) as worker:
            worker.send(CAN_DO, "re-size")
            worker.send(CAN_DO, "resize")
            found = []
            while (answer := worker.request(GRAB_JOB_UNIQ)).type == JOB_ASSIGN_UNIQ:
                found.append(tuple(text.decode() for text in answer.args[1:]))
            self.assertEqual(sorted(found),
                             [("re-size", uuid, "a"), ("re-size", "b-1", "b"),
                              ("resize", "c-1", "c"), ("resize", "d", "d")])


if __name__ == "__main__":
    unittest.main()
