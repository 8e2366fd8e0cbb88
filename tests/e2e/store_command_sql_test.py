# SPDX-License-Identifier: BSD-3-Clause
"""`gmand store check`, `salvage` and `import` on stores in PostgreSQL, MariaDB and Redis."""
import contextlib
import pathlib
import shutil
import sqlite3
import subprocess
import tempfile
import unittest

from gmand import BINARY, Gmand
from mariadb import PrivateMariaDB
from postgres import PrivatePostgres
from redis_server import PrivateRedis
from wire import *  # pylint: disable=wildcard-import,unused-wildcard-import

JOBS = 50
DAMAGED = 20


class Stores:
    """For a TestCase that says where its store is, and how a job of it is damaged."""

    url = None

    def damage(self, number):
        """One byte of the workload of the job with that number."""
        raise NotImplementedError

    def make_empty(self):
        raise NotImplementedError

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="gman-moves-", dir="/var/tmp"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.file = f"sqlite:{self.directory / 'jobs.db'}"
        self.make_empty()

    def run_command(self, command, *words, exit_code=0):
        done = subprocess.run([BINARY, "store", command, *words], capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, exit_code, done)
        return done.stdout if exit_code < 2 else done.stderr

    def fill(self, url):
        """JOBS jobs, of which the first stands behind the others, and one that is delayed."""
        with Gmand("--store", url) as gmand, Peer(gmand.address) as client:
            for number in range(JOBS):
                client.submit("f", f"<{number}>".encode(), kind=SUBMIT_JOB_BG)
            answer = client.request(SUBMIT_JOB_EPOCH, "later", "", "4000000000", b"x")
            self.assertEqual(answer.type, JOB_CREATED)
            with Peer(gmand.address) as worker:
                worker.send(CAN_DO, "f")
                self.assertEqual(worker.grab()[2], b"<0>")
            with Peer(gmand.address) as worker:  # the other's job has been queued again
                worker.send(CAN_DO, "f")
                handle, _, workload = worker.grab()
                self.assertEqual(workload, b"<1>")
                worker.send(WORK_COMPLETE, handle, b"")
                worker.echo()
            self.assertEqual(gmand.stop(), 0)
        return [*range(2, JOBS), 0]

    def drained(self, url):
        found = []
        with Gmand("--store", url) as gmand, Peer(gmand.address) as worker:
            worker.send(CAN_DO, "f")
            while (answer := worker.request(GRAB_JOB)).type != NO_JOB:
                found.append(int(answer.args[2][1:-1]))
                worker.send(WORK_COMPLETE, answer.args[0], b"")
            self.assertRegex(gmand.admin("prioritystatus"), r"later\t0\t1\t0\t")
            self.assertEqual(gmand.stop(), 0)
        return found

    def test_check_says_what_is_in_it_also_while_a_server_has_it(self):
        self.assertIn("there is no store", self.run_command("check", self.url, exit_code=2))
        self.fill(self.url)
        for _ in range(2):
            said = self.run_command("check", self.url)
            self.assertRegex(said, rf"(?m)^ +0 +{JOBS - 1} +0 +0  f$")
            self.assertRegex(said, r"(?m)^ +0 +0 +0 +1  later$")
            self.assertRegex(said, rf"(?m)^ +1 H:.*: {JOBS} jobs$")
            self.assertIn(": sound\n", said)
            self.assertNotIn("a server has it", said)
        with Gmand("--store", self.url) as gmand:
            self.assertIn(f"a server has it; this is how it is now: process {gmand.pid} on ",
                          self.run_command("check", self.url))

    def test_a_damaged_job_is_found_and_the_others_are_salvaged_into_a_file(self):
        order = self.fill(self.url)
        self.damage((1 << 40) + DAMAGED)
        said = self.run_command("check", self.url, exit_code=1)
        self.assertIn("its checksum does not match", said)
        self.assertIn(f"jobs: {JOBS - 1}\n", said)
        with Gmand("--store", self.file):
            self.assertIn("in use by another server",
                          self.run_command("salvage", self.url, "--to", self.file, exit_code=2))
        for _ in range(2):  # the old one is as it was
            said = self.run_command("salvage", self.url, "--to", self.file, exit_code=1)
            self.assertIn(f"saved {JOBS - 1} jobs to {self.file}", said)
            self.assertEqual(self.drained(self.file), [n for n in order if n != DAMAGED])
            shutil.rmtree(self.directory)
            self.directory.mkdir()

    def test_a_file_is_moved_into_it_and_only_once(self):
        order = self.fill(self.file)
        said = self.run_command("salvage", self.file, "--to", self.url)
        self.assertIn(f"saved {JOBS} jobs", said)
        self.assertIn("nothing was damaged", said)
        self.assertIn("has jobs already",
                      self.run_command("salvage", self.file, "--to", self.url, exit_code=2))
        self.assertEqual(self.drained(self.url), order)

    def test_nothing_is_salvaged_while_a_server_has_it(self):
        self.fill(self.url)
        with Gmand("--store", self.url):
            self.assertIn("in use by a server",
                          self.run_command("salvage", self.url, "--to", self.file, exit_code=2))
        self.assertEqual(list(self.directory.iterdir()), [])
        self.assertIn("--to is to name", self.run_command("salvage", self.url, exit_code=2))

    def test_a_queue_is_imported_into_it_and_only_once(self):
        left = self.directory / "gearmand.db"
        with contextlib.closing(sqlite3.connect(left)) as database:
            database.execute("CREATE TABLE gearman_queue (unique_key TEXT, function_name TEXT,"
                             " priority INTEGER, data BLOB, when_to_run INTEGER)")
            database.executemany("INSERT INTO gearman_queue VALUES (?, ?, 1, ?, ?)",
                                 [(f"u{i}", "f", f"<{i}>".encode(), 0) for i in range(JOBS)]
                                 + [("late", "later", b"x", 4_000_000_000)])
            database.commit()
        source = f"sqlite:{left}"
        with Gmand("--store", self.url):
            self.assertIn("in use by another server",
                          self.run_command("import", self.url, "--from", source, exit_code=2))
        self.assertIn(f"imported {JOBS + 1} jobs",
                      self.run_command("import", self.url, "--from", source))
        self.assertIn(f"was imported before: 20",
                      self.run_command("import", self.url, "--from", source, exit_code=2))
        self.assertEqual(self.drained(self.url), list(range(JOBS)))
        self.assertIn(f"imported {JOBS} jobs",
                      self.run_command("import", self.url, "--from", source, "--again"))


class Postgres(Stores, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = PrivatePostgres(extension=False)
        cls.enterClassContext(cls.server)
        cls.url = (f"postgresql:///postgres?host={cls.server.socket_dir}&port={cls.server.port}"
                   "&user=postgres")

    def make_empty(self):
        self.server.sql("DROP SCHEMA IF EXISTS gmand CASCADE")

    def damage(self, number):
        self.server.sql("UPDATE gmand.job SET workload = set_byte(workload, 1, 65)"
                        f" WHERE number = {number}")


class MariaDB(Stores, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = PrivateMariaDB()
        cls.enterClassContext(cls.server)
        cls.url = f"mysql://root@localhost/jobs?socket={cls.server.socket}"

    def make_empty(self):
        self.server.sql("DROP DATABASE IF EXISTS jobs; CREATE DATABASE jobs")

    def damage(self, number):
        self.server.sql(f"UPDATE jobs.gmand_job SET workload = '<XX>' WHERE number = {number}")


class Redis(Stores, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = PrivateRedis()
        cls.enterClassContext(cls.server)
        cls.url = f"redis://127.0.0.1:{cls.server.port}"

    def make_empty(self):
        self.server.ask("FLUSHALL")

    def damage(self, number):
        key = f"gmand:job:{number:016x}"
        self.server.ask("SETRANGE", key, str(int(self.server.ask("STRLEN", key)) - 2), "X")


if __name__ == "__main__":
    unittest.main()
