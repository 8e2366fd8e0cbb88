# SPDX-License-Identifier: BSD-3-Clause
"""`gmand store import` takes over what Debian's gearmand has left in PostgreSQL and in MariaDB."""
import unittest

from gearmand import Gearmand
from imports import JOBS, ImportTestCase, submit_all
from mariadb import PrivateMariaDB
from postgres import PrivatePostgres


class Import(ImportTestCase):
    def expect_import(self, source, table):
        said = self.run_import(source)
        self.assertIn(f"imported {len(JOBS)} jobs", said)
        self.assertIn(table, said)
        self.assertIn("was imported before", self.run_import(source, exit_code=2))
        self.expect_all_jobs()

    def test_from_postgresql(self):
        with PrivatePostgres(extension=False) as server:
            with Gearmand("--queue-type=Postgres", f"--libpq-conninfo={server.dsn}",
                          "--libpq-table=queue") as gearmand:
                submit_all(gearmand.address)
                source = (f"postgresql:///postgres?host={server.socket_dir}&port={server.port}"
                          "&user=postgres")
                done = self.start_import(source)
                self.assertEqual(done.returncode, 0, done)
                self.assertIn("1 other connections to that database", done.stderr)
            self.path.unlink()
            self.expect_import(source, "queue")

    def test_from_mariadb(self):
        with PrivateMariaDB() as server:
            server.sql("CREATE DATABASE jobs CHARACTER SET utf8mb4")
            source = f"mysql://root@localhost/jobs?socket={server.socket}"
            server.sql("CREATE USER gearman@127.0.0.1 IDENTIFIED BY 'secret';"
                       "GRANT ALL ON jobs.* TO gearman@127.0.0.1")
            with Gearmand("--queue-type=MySQL", "--mysql-host=127.0.0.1",
                          f"--mysql-port={server.port}", "--mysql-user=gearman",
                          "--mysql-password=secret", "--mysql-db=jobs") as gearmand:
                submit_all(gearmand.address)
            self.expect_import(source, "gearman_queue")

    def test_no_password_is_shown(self):
        refusal = self.run_import("postgresql://me:secret@127.0.0.1:1/db", exit_code=2)
        self.assertNotIn("secret", refusal)
        self.assertIn("127.0.0.1", refusal)


if __name__ == "__main__":
    unittest.main()
