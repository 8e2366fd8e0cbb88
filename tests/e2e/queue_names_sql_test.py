# SPDX-License-Identifier: BSD-3-Clause
"""gmand with gearmand's -q and the options of its queues in PostgreSQL and MariaDB."""
import unittest

from mariadb import PrivateMariaDB
from postgres import PrivatePostgres
from queue_names import QueueNames


class Postgres(QueueNames, unittest.TestCase):
    def test_jobs_outlive_a_kill_and_those_that_gearmand_left_can_be_had(self):
        with PrivatePostgres(extension=False) as server:
            self.options = ("-q", "Postgres", f"--libpq-conninfo={server.dsn}",
                            "--libpq-table=Queue")
            self.expect_that_jobs_outlive_a_kill()
            server.sql("TRUNCATE gmand.job")
            self.expect_that_gearmands_jobs_can_be_had()


class MariaDB(QueueNames, unittest.TestCase):
    def test_jobs_outlive_a_kill_and_those_that_gearmand_left_can_be_had(self):
        self.password = "s/cret"
        with PrivateMariaDB() as server:
            server.sql("CREATE DATABASE jobs CHARACTER SET utf8mb4;"
                       "CREATE USER gearman@127.0.0.1 IDENTIFIED BY 's/cret';"
                       "GRANT ALL ON jobs.* TO gearman@127.0.0.1")
            self.options = ("--queue-type=MySQL", "--mysql-host=127.0.0.1",
                            f"--mysql-port={server.port}", "--mysql-user=gearman",
                            f"--mysql-password={self.password}", "--mysql-db=jobs")
            self.expect_that_jobs_outlive_a_kill()
            server.sql("DELETE FROM jobs.gmand_job")
            self.expect_that_gearmands_jobs_can_be_had()


if __name__ == "__main__":
    unittest.main()
