# SPDX-License-Identifier: BSD-3-Clause
"""db/ against real servers: the same promises from PostgreSQL and MariaDB."""
import os
import pathlib
import subprocess
import sys
import unittest

from mariadb import PrivateMariaDB
from postgres import PrivatePostgres

CHECK = pathlib.Path(os.environ["GMAN_BUILD_DIR"]) / "bin" / "tests" / "db_check"


class Db(unittest.TestCase):
    def check(self, dsn):
        done = subprocess.run([CHECK], env=dict(os.environ, GMAN_TEST_DSN=dsn), timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_keeps_its_promises_with_postgresql(self):
        with PrivatePostgres(extension=False) as server:
            self.check(f"postgresql:///postgres?host={server.socket_dir}&port={server.port}"
                       "&user=postgres")

    def test_keeps_its_promises_with_mariadb(self):
        with PrivateMariaDB() as server:
            server.sql("CREATE DATABASE test_db CHARACTER SET utf8mb4")
            self.check(f"mysql://root@localhost/test_db?socket={server.socket}")


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
