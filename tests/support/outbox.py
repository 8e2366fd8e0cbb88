# SPDX-License-Identifier: BSD-3-Clause
"""The outbox in the private database servers, under one set of words for both.

    with OutboxPostgres() as database:             # or OutboxMariaDB
        database.enqueue("f", "workload", delivery="completion")
        database.count()                           # rows that are left
        database.url                               # for gman-relay --from

enqueue() is what an application does; everything else looks at it from the side.
"""
import pathlib
import subprocess
import urllib.parse

import mariadb
import mysql
import postgres

ROOT = pathlib.Path(__file__).resolve().parents[2]


class OutboxDatabase:
    """What both have in common. `self.sql(text)` runs statements and returns their rows as text."""

    kind = None
    # What a relay changes as it leases rows.
    leased_sql = "leased_by = '6ba7b810-9dad-11d1-80b4-00c04fd430c8', run_at = '2030-01-01'"

    def __enter__(self):
        super().__enter__()
        try:
            self.install()
        except BaseException:
            self.kill()
            raise
        return self

    def install(self):
        self.sql(self.script("outbox.sql"))

    def script(self, name):
        return (ROOT / "sql" / self.kind / name).read_text(encoding="utf-8")

    def count(self, where="TRUE"):
        return int(self.sql(f"SELECT count(*) FROM gman.outbox WHERE {where}"))

    def lease(self, where="TRUE"):
        """For years, as a relay would."""
        self.sql(f"UPDATE gman.outbox SET {self.leased_sql} WHERE {where}")

    def rows(self, query):
        """Rows as lists of texts."""
        return [line.split(self.separator) for line in self.sql(query).splitlines()]


class OutboxPostgres(OutboxDatabase, postgres.PrivatePostgres):
    kind = "postgres"
    separator = "|"
    leased_sql = OutboxDatabase.leased_sql + ", lease_until = '2030-01-01'"

    def __init__(self, **options):
        super().__init__(extension=False, **options)

    @property
    def url(self):
        return f"postgresql://postgres@{urllib.parse.quote(self.socket_dir, safe='')}:{self.port}" \
               "/postgres"

    @staticmethod
    def enqueue_sql(function, workload, **options):
        """Options are those of gman.enqueue, as SQL writes them but without quotes."""
        named = "".join(f", {name} => {literal(value)}" for name, value in options.items())
        return f"SELECT gman.enqueue({literal(function)}, {literal(workload)}{named});"

    def enqueue(self, function, workload, **options):
        """The job's unique."""
        return self.sql(self.enqueue_sql(function, workload, **options))

    def enqueue_many(self, function, count, prefix="", **options):
        """In one transaction, workloads prefix0, prefix1, …"""
        named = "".join(f", {name} => {literal(value)}" for name, value in options.items())
        self.sql(f"SELECT count(gman.enqueue({literal(function)}, {literal(prefix)} || i{named})) "
                 f"FROM generate_series(0, {count - 1}) AS i")

    def end_settling(self):
        """Ends the connection by which a relay has just deleted rows."""
        return self.sql("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE "
                        "application_name = 'gman-relay' AND query LIKE 'DELETE %'") == "t"

    def dump(self):
        """All of the schema, as SQL."""
        done = subprocess.run(
            [postgres.server_program("pg_dump"), "-h", self.socket_dir, "-p", str(self.port), "-U",
             "postgres", "-n", "gman", "postgres"], capture_output=True, check=True, text=True)
        return done.stdout


class OutboxMariaDB(OutboxDatabase, mysql.PrivateDatabase):
    """Also a MySQL, where the tests are run against one."""

    kind = mysql.PrivateDatabase.dialect
    separator = "\t"

    @property
    def url(self):
        return f"mysql://root@localhost/gman?socket={urllib.parse.quote(self.socket)}"

    @staticmethod
    def enqueue_sql(function, workload, unique_key=None, priority=None, run_at=None, delivery=None):
        given = [function, workload, unique_key, priority, run_at, delivery]
        return (f"CALL gman.enqueue_with({', '.join(map(literal, given))}); "
                "SELECT @gman_unique;")

    def enqueue(self, function, workload, **options):
        return self.sql(self.enqueue_sql(function, workload, **options))

    def enqueue_many(self, function, count, prefix="", unique_key=None, priority=None, run_at=None,
                     delivery=None):
        """In one transaction, straight into the table."""
        self.sql(f"""
            INSERT INTO gman.outbox
                   (function_name, unique_key, priority, delivery, run_at, workload)
            SELECT {literal(function)}, {literal(unique_key)}, {literal(priority or 'normal')},
                   {literal(delivery or 'queue')}, COALESCE({literal(run_at)}, NOW(6)),
                   CONCAT({literal(prefix)}, seq)
              FROM gman.seq_0_to_{count - 1}""")

    def end_settling(self):
        """Ends the connection by which a relay has just deleted rows: its younger one."""
        ids = self.sql("SELECT id FROM information_schema.processlist WHERE db = 'gman' "
                       "AND id <> CONNECTION_ID() ORDER BY id").split()
        self.sql(f"KILL {ids[-1]}")
        return len(ids) == 2

    def dump(self):
        name, *options = self.dump_command
        done = subprocess.run(
            [mariadb.program(name), "--no-defaults", f"--socket={self.socket}", "--user=root",
             *options, "--routines", "--databases", "gman"],
            capture_output=True, check=True, text=True)
        return done.stdout


def literal(value):
    if value is None:
        return "NULL"
    return "'" + str(value).replace("'", "''") + "'"
