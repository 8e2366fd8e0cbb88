# SPDX-License-Identifier: BSD-3-Clause
"""Copies of a database: a hot standby, a logical subscriber, a restored dump. What the original has
sent is not sent once more by a copy, unless somebody asks for it."""
import os
import subprocess
import unittest

from fixture import ExtensionCase
from gmand import Gmand
from patience import wait_until
from postgres import PrivatePostgres, SqlError, server_program

TABLE = "CREATE TABLE page (id int PRIMARY KEY, url text)"


def queued(server, function):
    """How many jobs of it wait or run, and no worker takes any."""
    for line in server.admin("status").splitlines():
        if line.startswith(f"{function}\t"):
            return int(line.split("\t")[1])
    return 0


class HotStandby(ExtensionCase):
    schema = f"SELECT gman_outbox_install(); {TABLE}"

    def setUp(self):
        self.standby = self.enterContext(
            PrivatePostgres(servers=self.gmand.address, primary=self.postgres))
        self.addCleanup(self.postgres.sql, "TRUNCATE page; DELETE FROM gman.outbox")

    def test_it_calls_workers(self):
        self.assertEqual(self.standby.sql("SELECT gman_do('reverse', 'Hello')"), "olleH")
        self.standby.sql("SELECT gman_do_background('noted', 'at once')")
        self.standby.sql("BEGIN; SELECT gman_do_background('noted', 'at the commit', NULL, "
                         "'{\"delivery\": \"commit\"}'); COMMIT")
        self.assertEqual(queued(self.gmand, "noted"), 2)

    def test_it_has_no_outbox_of_its_own_before_it_is_promoted(self):
        job = "SELECT gman_do_background('f', 'w', NULL, '{\"delivery\": \"outbox\"}')"
        with self.assertRaises(SqlError) as refused:
            self.standby.sql(job)
        self.assertEqual(refused.exception.sqlstate, "25006")
        self.standby.promote()
        self.standby.sql(job)
        self.assertEqual(self.standby.sql("SELECT count(*) FROM gman.outbox"), "1")

    def test_what_it_replays_it_does_not_send(self):
        self.postgres.sql("SELECT gman_watch('page', 'watched', 'url');"
                         "INSERT INTO page VALUES (1, 'a'), (2, 'b')")
        self.standby.catch_up()
        self.assertEqual(self.standby.sql("SELECT count(*) FROM page"), "2")
        self.assertEqual(queued(self.gmand, "watched"), 2)
        self.standby.promote()
        self.standby.sql("INSERT INTO page VALUES (3, 'c')")
        self.assertEqual(queued(self.gmand, "watched"), 3)


class LogicalSubscriber(unittest.TestCase):
    def test_a_watch_of_its_own_fires_only_when_it_is_told_to(self):
        gmand = self.enterContext(Gmand())
        publisher = self.enterContext(
            PrivatePostgres(servers=gmand.address, settings={"wal_level": "logical"}))
        subscriber = self.enterContext(PrivatePostgres(servers=gmand.address))
        for server, function in ((publisher, "by_publisher"), (subscriber, "by_subscriber")):
            server.sql(f"CREATE EXTENSION gman; {TABLE};"
                       f"SELECT gman_watch('page', '{function}', 'url')")
        publisher.sql("INSERT INTO page VALUES (1, 'copied'); "
                      "CREATE PUBLICATION pages FOR TABLE page")
        subscriber.sql(f"CREATE SUBSCRIPTION pages CONNECTION '{publisher.dsn}' PUBLICATION pages")

        def follow(rows):
            wait_until(lambda: subscriber.sql("SELECT count(*) FROM page") == str(rows),
                       f"{rows} rows are at the subscriber")

        follow(1)
        publisher.sql("INSERT INTO page VALUES (2, 'streamed')")
        follow(2)
        self.assertEqual(queued(gmand, "by_publisher"), 2)
        self.assertEqual(queued(gmand, "by_subscriber"), 0)

        name = subscriber.sql("SELECT min(trigger_name) FROM gman_watches")
        subscriber.sql(f"ALTER TABLE page ENABLE ALWAYS TRIGGER {name}")
        publisher.sql("INSERT INTO page VALUES (3, 'asked for')")
        follow(3)
        self.assertEqual(queued(gmand, "by_publisher"), 3)
        self.assertEqual(queued(gmand, "by_subscriber"), 1)
        subscriber.sql("DROP SUBSCRIPTION pages")


class Restore(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gmand = cls.enterClassContext(Gmand())
        cls.postgres = cls.enterClassContext(PrivatePostgres(servers=cls.gmand.address))
        cls.postgres.sql("CREATE EXTENSION gman; SELECT gman_outbox_install(); "
                         f"{TABLE}; INSERT INTO page VALUES (1, 'a'), (2, 'b');"
                         "SELECT gman_watch('page', 'restored', 'url');"
                         "SELECT gman_do_background('kept', 'w', NULL, "
                         "'{\"delivery\": \"outbox\"}')")

    def setUp(self):
        self.postgres.sql("CREATE DATABASE copy")
        self.addCleanup(self.postgres.sql, "DROP DATABASE copy")
        self.where = ["-h", self.postgres.socket_dir, "-p", str(self.postgres.port), "-U",
                      "postgres"]
        self.dump = self.postgres.directory / "dump"
        self.run_program("pg_dump", "-Fc", "-f", self.dump, "postgres")

    def run_program(self, name, *arguments, options=""):
        subprocess.run([server_program(name), *self.where, *arguments], check=True,
                       env=dict(os.environ, PGOPTIONS=options), capture_output=True)

    def test_a_whole_one_sends_nothing_and_keeps_outbox_and_watches(self):
        self.run_program("pg_restore", "-d", "copy", self.dump)
        self.assertEqual(self.postgres.sql("SELECT count(*) FROM page", database="copy"), "2")
        self.assertEqual(self.postgres.sql("SELECT function_name FROM gman.outbox",
                                           database="copy"), "kept")
        self.assertEqual(queued(self.gmand, "restored"), 0)
        self.postgres.sql("INSERT INTO page VALUES (3, 'new')", database="copy")
        self.assertEqual(queued(self.gmand, "restored"), 1)

    def test_one_of_the_data_alone_sends_nothing_when_it_is_switched_off(self):
        self.run_program("pg_restore", "-d", "copy", "--schema-only", self.dump)
        before = queued(self.gmand, "restored")
        self.run_program("pg_restore", "-d", "copy", "--data-only", "-t", "page", self.dump,
                         options="-c gman.enabled=off")
        self.assertEqual(self.postgres.sql("SELECT count(*) FROM page", database="copy"), "2")
        self.assertEqual(queued(self.gmand, "restored"), before)
        self.postgres.sql("TRUNCATE page", database="copy")
        self.run_program("pg_restore", "-d", "copy", "--data-only", "-t", "page", self.dump)
        self.assertEqual(queued(self.gmand, "restored"), before + 2)


if __name__ == "__main__":
    unittest.main()
