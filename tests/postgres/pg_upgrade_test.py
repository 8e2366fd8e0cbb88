# SPDX-License-Identifier: BSD-3-Clause
"""pg_upgrade from the system's PostgreSQL to a newer one keeps what the extension has in a cluster:
outbox rows, watches, roles and settings, and all of it works there."""
import importlib.util
import os
import subprocess
import unittest

import postgres as new_support
from gmand import Gmand
from odd_worker import OddWorker
from relay_database import Database, jobs_of


def support_for_the_systems():
    """tests/support/postgres.py once more: one module is for one server."""
    name = new_support.__spec__.origin
    fetched = os.environ.pop("GMAN_POSTGRES_SERVER")
    try:
        spec = importlib.util.spec_from_file_location("postgres_of_the_system", name)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        os.environ["GMAN_POSTGRES_SERVER"] = fetched


BEFORE = """
    CREATE EXTENSION gman;
    SELECT gman_outbox_install();
    CREATE TABLE page (id int PRIMARY KEY, url text);
    SELECT gman_watch('page', 'index_url', 'url', '{"delivery": "outbox"}');
    SELECT gman_watch('page', 'index_all', '#row', '{"level": "statement", "delivery": "outbox"}');
    INSERT INTO page VALUES (1, 'a'), (2, 'b');
    SELECT gman.enqueue('f', 'now'), gman.enqueue('f', 'later', run_at => '2100-01-01'),
           gman.enqueue('reverse', 'w', delivery => 'completion');
    CREATE ROLE app LOGIN;
    GRANT gman_submit TO app;
    ALTER DATABASE postgres SET gman.delivery = 'outbox';
    ALTER ROLE app SET gman.deadline = '7s'
"""
# Name by name what there is, as text.
STATE = {
    "rows": "SELECT * FROM gman.outbox ORDER BY id",
    "watches": "SELECT w::text FROM gman_watches AS w ORDER BY 1",
    "uuid": "SELECT * FROM gman.outbox_setting",
    "version": "SELECT extversion FROM pg_extension WHERE extname = 'gman'",
    "functions": "SELECT objid::regprocedure, proacl FROM pg_depend "
                 "JOIN pg_proc p ON p.oid = objid WHERE deptype = 'e' AND "
                 "classid = 'pg_proc'::regclass ORDER BY objid::regprocedure::text",
    "settings of database and role": "SELECT setconfig FROM pg_db_role_setting ORDER BY 1",
    "who may set": "SELECT parname, paracl FROM pg_parameter_acl ORDER BY 1",
}


def state_of(database):
    return {what: database.sql(query) for what, query in STATE.items()}


class Upgraded(Database):
    """Made of the cluster `old`, which was stopped."""

    def __init__(self, old, old_support, **options):
        super().__init__(**options)
        self._old = old
        self._old_support = old_support

    def _prepare(self):
        super()._prepare()
        old, support = self._old, self._old_support
        self._run_once([
            new_support.server_program("pg_upgrade"), "-U", "postgres", "-s", self.directory,
            "-b", support.pg_path("--bindir"), "-B", new_support.pg_path("--bindir"),
            "-d", old.directory / "data", "-D", self.directory / "data",
            "-o", self._options(support.installed_below(old.directory / "root")),
            "-O", self._options(new_support.installed_below(self.directory / "root"))])

    @staticmethod
    def _options(settings):
        return " ".join(f"-c {name}={value}" for name, value in settings.items())


class PgUpgrade(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gmand = cls.enterClassContext(Gmand())
        cls.enterClassContext(OddWorker(cls.gmand.address))
        support = support_for_the_systems()
        cls.versions = support.version(), new_support.version()
        old = cls.enterClassContext(support.PrivatePostgres(servers=cls.gmand.address))
        roles = new_support.ROOT / "sql" / "postgres" / "roles.sql"
        old.sql("CREATE EXTENSION gman; DROP EXTENSION gman")  # so that its oids are others
        before, grants = BEFORE.split("CREATE ROLE app", 1)
        old.sql(before)
        subprocess.run(old.psql() + ["-v", "ON_ERROR_STOP=1", "-f", str(roles)], check=True,
                       stdout=subprocess.DEVNULL)
        old.sql("CREATE ROLE app" + grants)
        cls.before = state_of(old)
        old.stop()
        cls.new = cls.enterClassContext(
            Upgraded(old, support, servers=cls.gmand.address))

    def test_everything_is_there_and_works(self):
        self.assertLess(*self.versions)
        self.assertEqual(self.before["rows"].count("\n"), 6)
        for what, found in state_of(self.new).items():
            with self.subTest(what):
                self.assertNotEqual(found, "")
                self.assertEqual(found, self.before[what])
        self.calls_and_settings_work()
        self.watches_work()
        self.rows_are_shipped()

    def calls_and_settings_work(self):
        new = self.new
        self.assertEqual(new.sql("SELECT gman_do('reverse', 'Hello')"), "olleH")
        self.assertEqual(new.sql("SHOW gman.delivery; SHOW gman.deadline", user="app"),
                         "outbox\n7s")
        new.sql("SELECT gman_do_background('f', 'by the role')", user="app")
        with self.assertRaises(new_support.SqlError) as raised:
            new.sql("SELECT gman_do('reverse', 'x')", user="app")
        self.assertEqual(raised.exception.sqlstate, "42501")

    def watches_work(self):
        self.new.sql("UPDATE page SET url = 'c' WHERE id = 1")
        self.assertEqual(self.new.sql(
            "SELECT function_name, convert_from(workload, 'UTF8') FROM gman.outbox "
            "WHERE function_name ~ '^index' ORDER BY id DESC LIMIT 2").count('c'), 2)

    def rows_are_shipped(self):
        """By the relay inside of the new server."""
        self.new.sql("UPDATE gman.outbox SET run_at = now() WHERE run_at > now()")
        self.new.set("gman.relay_databases", "postgres")
        self.new.wait_empty()
        self.assertEqual(sorted(jobs_of(self.gmand)), ["by the role", "later", "now"])
        self.assertEqual(sorted(jobs_of(self.gmand, "index_url")), ["a", "b", "c"])
        self.assertEqual(len(jobs_of(self.gmand, "index_all")), 3)


if __name__ == "__main__":
    unittest.main()
