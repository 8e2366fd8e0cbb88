# SPDX-License-Identifier: BSD-3-Clause
"""The PostgreSQL store against a private server: sql_store_check as an ordinary account with a
password, which owns its database and nothing else."""
import sys
import unittest

from postgres import PrivatePostgres
from stores import PASSWORD, PASSWORD_IN_URL, run_store_check


class PostgresStore(unittest.TestCase):
    def test_keeps_its_promises(self):
        with PrivatePostgres(extension=False) as server:
            server.sql(f"CREATE ROLE jobs LOGIN PASSWORD '{PASSWORD}'")
            server.sql("CREATE DATABASE jobs OWNER jobs")
            access = server.directory / "data" / "pg_hba.conf"
            access.write_text("local all jobs scram-sha-256\n" + access.read_text())
            server.sql("SELECT pg_reload_conf()")
            wire = server.directory / "wire" / f".s.PGSQL.{server.port}"
            where = f"host={server.socket_dir}&port={server.port}"
            wired = f"host={wire.parent}&port={server.port}"
            account = f"postgresql://jobs:{PASSWORD_IN_URL}@/jobs?"
            status, output = run_store_check(server, "Mysql", {
                "GMAN_TEST_DSN": account + where,
                "GMAN_TEST_WIRED_DSN": account + wired,
                "GMAN_TEST_ADMIN": f"postgresql://postgres@/jobs?{where}",
                "GMAN_TEST_SOCKET": f"{server.socket_dir}/.s.PGSQL.{server.port}",
                "GMAN_TEST_WIRE": str(wire),
            })
            self.assertEqual(status, 0, output)


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=2))
