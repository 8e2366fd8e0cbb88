# SPDX-License-Identifier: BSD-3-Clause
"""The MySQL store against a private MariaDB: sql_store_check as an ordinary account with a
password, which has all rights to its database and no others."""
import sys
import unittest

from mariadb import PrivateMariaDB
from stores import PASSWORD, PASSWORD_IN_URL, run_store_check


class MysqlStore(unittest.TestCase):
    def test_keeps_its_promises(self):
        with PrivateMariaDB() as server:
            server.sql(f"CREATE DATABASE jobs; CREATE USER jobs@localhost IDENTIFIED BY "
                       f"'{PASSWORD}'; GRANT ALL ON jobs.* TO jobs@localhost")
            wire = server.directory / "wire" / "s.sock"
            account = f"mysql://jobs:{PASSWORD_IN_URL}@localhost/jobs?socket="
            status, output = run_store_check(server, "Postgres", {
                "GMAN_TEST_DSN": account + server.socket,
                "GMAN_TEST_WIRED_DSN": account + str(wire),
                "GMAN_TEST_ADMIN": f"mysql://root@localhost/jobs?socket={server.socket}",
                "GMAN_TEST_SOCKET": server.socket,
                "GMAN_TEST_WIRE": str(wire),
            })
            self.assertEqual(status, 0, output)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
