# SPDX-License-Identifier: BSD-3-Clause
"""`gmand store check` and `salvage`: on sound files, and on files that are damaged in many ways."""
import contextlib
import hashlib
import pathlib
import shutil
import sqlite3
import subprocess
import tempfile
import unittest

from gmand import BINARY, Gmand
from wire import *  # pylint: disable=wildcard-import,unused-wildcard-import

JOBS = 2000
PAGE = 4096


def run(command, *words):
    return subprocess.run([BINARY, "store", command, *map(str, words)], capture_output=True,
                          text=True, timeout=60, check=False)


class StoreCommandTestCase(unittest.TestCase):
    """Each test has a copy of one store, with `JOBS` jobs in it."""

    @classmethod
    def setUpClass(cls):
        cls.shelf = pathlib.Path(tempfile.mkdtemp(prefix="gman-store-command-", dir="/var/tmp"))
        cls.addClassCleanup(shutil.rmtree, cls.shelf)
        path = cls.shelf / "sound.db"
        with Gmand("--store", f"sqlite:{path}") as gmand, Peer(gmand.address) as client:
            client.send_bytes(b"".join(encode(SUBMIT_JOB_BG, "f", "", cls.workload(number))
                                       for number in range(JOBS)))
            for _ in range(JOBS):
                assert client.receive().type == JOB_CREATED
            assert gmand.stop() == 0

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="gman-store-", dir="/var/tmp"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.path = self.directory / "jobs.db"
        self.url = f"sqlite:{self.path}"
        self.salvaged = self.directory / "jobs.db.salvaged"
        shutil.copy(self.shelf / "sound.db", self.path)

    @staticmethod
    def workload(number):
        return f"<{number}>".encode().ljust(100, b"w")

    def files(self):
        """What every file in the directory holds. The index of the log (-shm) holds nothing of
        its own: whoever comes makes it anew from the log."""
        return {file.name: "an index" if file.name.endswith("-shm")
                else hashlib.sha256(file.read_bytes()).hexdigest()
                for file in self.directory.iterdir()}

    def page_of(self, number):
        """The number of the page in the file where that job's row lies."""
        return self.path.read_bytes().index(f"<{number}>".encode()) // PAGE

    def damage_page(self, page, garbage=b"\xa5" * PAGE):
        with open(self.path, "r+b") as file:
            file.seek(page * PAGE)
            file.write(garbage)

    def jobs_on(self, page):
        data = self.path.read_bytes()[page * PAGE:(page + 1) * PAGE]
        return [number for number in range(JOBS) if f"<{number}>".encode() in data]

    def sql(self, *statements):
        with contextlib.closing(sqlite3.connect(self.path)) as database:
            for statement in statements:
                database.execute(statement)
            database.commit()

    def expect_damaged(self, *words):
        before = self.files()
        done = run("check", self.url)
        self.assertEqual(done.returncode, 1, done)
        for word in words:
            self.assertIn(word, done.stdout)
        self.assertEqual(self.files(), before)
        return done.stdout

    def salvage(self, exit_code=1):
        """What it says, and the numbers of the jobs that a server finds in the new file."""
        before = self.files()
        done = run("salvage", self.url)
        self.assertEqual(done.returncode, exit_code, done)
        after = self.files()
        after.pop(self.salvaged.name)
        self.assertEqual(after, before)
        self.assertEqual(run("check", f"sqlite:{self.salvaged}").returncode, 0)
        found = []
        with Gmand("--store", f"sqlite:{self.salvaged}") as gmand, Peer(gmand.address) as worker:
            worker.send(CAN_DO, "f")
            while True:
                answer = worker.request(GRAB_JOB)
                if answer.type == NO_JOB:
                    break
                workload = answer.args[2]
                number = int(workload[1:workload.index(b">")])
                self.assertEqual(workload, self.workload(number))
                found.append(number)
                worker.send(WORK_COMPLETE, answer.args[0], b"")
        self.assertEqual(found, sorted(set(found)))
        return done.stdout, found


class Check(StoreCommandTestCase):
    def test_a_sound_store_is_said_to_be_sound_and_what_is_in_it(self):
        before = self.files()
        done = run("check", self.url)
        self.assertEqual(done.returncode, 0, done)
        self.assertIn("jobs.db: sound", done.stdout)
        self.assertIn(f"jobs: {JOBS}\n", done.stdout)
        self.assertRegex(done.stdout, rf"(?m)^ +0 +{JOBS} +0 +0  f$")
        self.assertRegex(done.stdout, rf"(?m)^ +1 H:.*: {JOBS} jobs$")
        self.assertEqual(done.stderr, "")
        self.assertEqual(self.files(), before)

    def test_counts_by_priority_and_what_is_delayed(self):
        path = self.directory / "other.db"
        with Gmand("--store", f"sqlite:{path}") as gmand, Peer(gmand.address) as client:
            client.submit(b"a\nb", b"x", kind=SUBMIT_JOB_HIGH_BG)
            client.submit(b"a\nb", b"x", kind=SUBMIT_JOB_LOW_BG)
            self.assertEqual(client.request(SUBMIT_JOB_EPOCH, b"a\nb", "", "4000000000",
                                            b"x").type, JOB_CREATED)
            done = run("check", f"sqlite:{path}")  # with a server on it
            self.assertEqual(done.returncode, 0, done)
            self.assertIn("a server has it", done.stdout)
            self.assertRegex(done.stdout, r"(?m)^ +1 +0 +1 +1  a\\x0ab$")
            gmand.kill()
        before = self.log_of(path)
        self.assertTrue(before)
        done = run("check", f"sqlite:{path}")  # and with the log that a kill left
        self.assertEqual(done.returncode, 0, done)
        self.assertIn("jobs: 3\n", done.stdout)
        self.assertEqual(self.log_of(path), before)

    @staticmethod
    def log_of(path):
        return pathlib.Path(f"{path}-wal").read_bytes()

    def test_a_flipped_byte_in_a_workload_is_found(self):
        data = self.path.read_bytes()
        at = data.index(b"<500>") + 50
        self.path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1:])
        self.expect_damaged("its checksum does not match", f"jobs: {JOBS - 1}\n",
                            "gmand store salvage")

    def test_a_page_of_garbage_is_found(self):
        self.damage_page(self.page_of(500))
        self.expect_damaged("jobs.db: damaged")

    def test_a_truncated_file_is_found(self):
        size = self.path.stat().st_size
        for left in (size - PAGE, size // 2, 3 * PAGE, 700, 100, 0):
            with self.subTest(left=left):
                with open(self.path, "r+b") as file:
                    file.truncate(left)
                self.expect_damaged("damaged")

    def test_a_job_without_its_start_is_found(self):
        self.sql("DELETE FROM start")
        self.expect_damaged(f"start 1 is missing, and {JOBS} jobs are of it")

    def test_an_impossible_field_is_found(self):
        self.sql("UPDATE job SET priority = 7 WHERE rowid = (SELECT max(rowid) FROM job)")
        self.expect_damaged("a value that none can have")

    def test_a_file_that_is_no_database_is_damaged(self):
        self.path.write_bytes(b"somebody's letter\n" * 1000)
        self.expect_damaged("not a database")


class Refusals(StoreCommandTestCase):
    def refusal(self, *words):
        done = run(*words)
        self.assertEqual(done.returncode, 2, done)
        self.assertEqual(done.stdout, "")
        return done.stderr

    def test_what_is_not_there_is_named(self):
        missing = self.directory / "none.db"
        for command in ("check", "salvage"):
            self.assertIn("none.db", self.refusal(command, f"sqlite:{missing}"))
        self.assertFalse(missing.exists())

    def test_the_database_of_something_else_is_left_alone(self):
        other = self.directory / "other.db"
        with contextlib.closing(sqlite3.connect(other)) as database:
            database.execute("CREATE TABLE job (number INTEGER)")
            database.commit()
        before = self.files()
        for command in ("check", "salvage"):
            self.assertIn("not a store of gmand's", self.refusal(command, f"sqlite:{other}"))
        self.assertEqual(self.files(), before)

    def test_a_mistake_in_the_command_is_said(self):
        self.assertIn("URL is required", self.refusal("check"))
        self.assertIn("--help", self.refusal("mend", self.url))
        self.assertIn("sqlite:/path", self.refusal("check", "nosql://host/db"))
        self.assertIn("memcached is a cache", self.refusal("check", "memcached://127.0.0.1:1"))
        self.assertIn("--nope", self.refusal("check", self.url, "--nope"))

    def test_salvage_overwrites_nothing(self):
        self.salvaged.write_text("mine")
        self.assertIn("is there already", self.refusal("salvage", self.url))
        self.assertEqual(self.salvaged.read_text(), "mine")

    def test_salvage_waits_for_no_server(self):
        with Gmand("--store", self.url):
            self.assertIn("in use by a server", self.refusal("salvage", self.url))

    def test_help_names_the_commands(self):
        done = run("--help")
        self.assertEqual(done.returncode, 0)
        for word in ("check", "salvage"):
            self.assertIn(word, done.stdout)
            self.assertIn("URL", run(word, "--help").stdout)


class Salvage(StoreCommandTestCase):
    def test_all_of_a_sound_file_is_saved(self):
        said, found = self.salvage(exit_code=0)
        self.assertIn(f"saved {JOBS} jobs to {self.salvaged}", said)
        self.assertIn("nothing was damaged", said)
        self.assertEqual(found, list(range(JOBS)))

    def test_all_but_the_jobs_on_damaged_pages_are_saved(self):
        pages = [self.page_of(number) for number in (0, 700, 705, 1100, JOBS - 1)]
        lost = {number for page in pages for number in self.jobs_on(page)}
        self.assertLess(len(lost), 300)
        for page in pages:
            self.damage_page(page)
        said, found = self.salvage()
        self.assertEqual(found, [number for number in range(JOBS) if number not in lost])
        self.assertIn(f"saved {JOBS - len(lost)} jobs", said)
        self.assertRegex(said, r"damaged: jobs \d+ to \d+")

    def test_a_flipped_byte_costs_one_job_which_is_set_aside(self):
        data = self.path.read_bytes()
        at = data.index(b"<500>") + 50
        self.path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1:])
        said, found = self.salvage()
        self.assertEqual(found, [number for number in range(JOBS) if number != 500])
        self.assertIn("set aside in its table set_aside: 1", said)
        with contextlib.closing(sqlite3.connect(self.salvaged)) as database:
            rows = database.execute("SELECT reason, CAST(workload AS TEXT) FROM set_aside")
            reason, workload = rows.fetchone()
        self.assertIn("checksum", reason)
        self.assertIn("<500>", workload)

    def test_what_a_truncated_file_still_has_is_saved(self):
        left = self.path.stat().st_size // 2
        with open(self.path, "r+b") as file:
            file.truncate(left)
        there = {number for page in range(left // PAGE) for number in self.jobs_on(page)}
        said, found = self.salvage()
        self.assertGreater(len(found), JOBS // 3)
        self.assertEqual(set(found), there)
        self.assertIn("to the last", said)

    def test_jobs_are_saved_whose_start_is_lost(self):
        self.sql("DELETE FROM start")
        said, found = self.salvage()
        self.assertEqual(found, list(range(JOBS)))
        self.assertIn("handles of start 1", said)

    def test_what_is_only_in_the_log_is_saved(self):
        with Gmand("--store", self.url) as gmand, Peer(gmand.address) as client:
            client.submit("f", b"<7777>".ljust(100, b"w"), kind=SUBMIT_JOB_BG)
            gmand.kill()
        said, found = self.salvage(exit_code=0)
        self.assertEqual(found, [*range(JOBS), 7777])
        self.assertIn("jobs.db-wal", said)

    def test_what_it_says_to_do_next_can_be_done(self):
        self.damage_page(self.page_of(500))
        done = run("salvage", self.url)
        for line in done.stdout.splitlines():
            if line.startswith("  "):
                subprocess.run(line, shell=True, check=True)
        with Gmand("--store", self.url) as gmand:
            self.assertRegex(gmand.admin("status"), r"f\t1\d{3}\t0\t0")

    def test_a_file_of_which_nothing_can_be_read_is_left_as_it_is(self):
        self.damage_page(0)
        before = self.files()
        done = run("salvage", self.url)
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("nothing can be read", done.stdout)
        self.assertEqual(self.files(), before)


if __name__ == "__main__":
    unittest.main()
