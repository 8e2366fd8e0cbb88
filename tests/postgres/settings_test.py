# SPDX-License-Identifier: BSD-3-Clause
"""Where settings come from, and the scripts in sql/postgres."""
import os
import subprocess
import unittest

from gmand import Gmand
from odd_worker import OddWorker
from postgres import ROOT, PrivatePostgres

SCRIPTS = ROOT / "sql" / "postgres"


class Settings(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gmand = cls.enterClassContext(Gmand())
        cls.enterClassContext(OddWorker(cls.gmand.address))
        cls.postgres = cls.enterClassContext(PrivatePostgres(servers=cls.gmand.address))
        cls.postgres.sql("CREATE EXTENSION gman; CREATE ROLE bare LOGIN")

    def psql(self, *options, user="postgres", **environment):
        done = subprocess.run(
            ["psql", "-XAtq", "-h", self.postgres.socket_dir, "-p", str(self.postgres.port), "-U",
             user, "-d", "postgres", *options],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=dict(os.environ, **environment))
        return done.stdout.strip()

    def test_a_role_cannot_choose_the_servers_before_the_library_is_loaded(self):
        answer = self.psql("-c", "SET gman.servers = 'elsewhere:1'", "-c", "SELECT gman_version()",
                           "-c", "SHOW gman.servers", user="bare")
        self.assertIn('permission denied to set parameter "gman.servers"', answer)
        self.assertEqual(answer.splitlines()[-1], self.gmand.address)

    def test_a_role_cannot_choose_the_servers_when_it_connects(self):
        answer = self.psql("-c", "SELECT gman_version()", "-c", "SHOW gman.servers", user="bare",
                           PGOPTIONS="-c gman.servers=elsewhere:1")
        self.assertIn('permission denied to set parameter "gman.servers"', answer)
        # PostgreSQL has forgotten the configured value by then; what is left is the default.
        self.assertEqual(answer.splitlines()[-1], "127.0.0.1:4730")

    def test_a_superuser_chooses_the_servers_of_a_role(self):
        self.postgres.sql("ALTER ROLE bare SET gman.servers = 'unix:/of/the/role'")
        self.addCleanup(self.postgres.sql, "ALTER ROLE bare RESET gman.servers")
        self.assertEqual(
            self.psql("-c", "SELECT gman_version()", "-c", "SHOW gman.servers", user="bare")
            .splitlines()[-1], "unix:/of/the/role")

    def test_a_bad_server_list_in_the_configuration_is_a_warning_with_the_reason(self):
        answer = self.psql("-c", "SELECT gman_version()", "-c", "SHOW gman.servers",
                           PGOPTIONS="-c gman.servers=host:notaport")
        self.assertIn('invalid value for parameter "gman.servers": "host:notaport"', answer)
        self.assertIn("notaport", answer)

    def test_the_library_may_be_preloaded(self):
        with PrivatePostgres(servers=self.gmand.address,
                             settings={"shared_preload_libraries": "$libdir/gman"}) as postgres:
            postgres.sql("CREATE EXTENSION gman")
            self.assertEqual(postgres.sql("SELECT gman_do('reverse', 'Hello')"), "olleH")

    def test_the_script_that_grants_lets_a_role_call_but_not_choose_the_servers(self):
        self.postgres.sql("CREATE ROLE app LOGIN")
        self.assertEqual(self.psql("-v", "role=app", "-f", str(SCRIPTS / "grant.sql")), "")
        self.assertEqual(self.postgres.sql("SELECT gman_do('reverse', 'x')", user="app"), "x")
        self.assertIn("permission denied",
                      self.psql("-c", "SELECT gman_servers_set('x:1')", user="app"))

    def test_the_script_for_triggers_sends_new_and_changed_values(self):
        self.postgres.sql("CREATE TABLE page (id int, url text)")
        for _ in range(2):  # running it again replaces the triggers
            self.assertEqual(self.psql("-v", "table=page", "-v", "column=url", "-v",
                                       "function=note", "-f", str(SCRIPTS / "trigger.sql")), "")
        self.postgres.sql("""INSERT INTO page VALUES (1, 'a'), (2, 'b');
                             UPDATE page SET id = 3, url = url WHERE id = 1;
                             UPDATE page SET url = 'c' WHERE id = 2;""")
        self.assertEqual(self.postgres.sql("SELECT gman_do('note', '?')"), "a\nb\nc")
        self.assertEqual(self.postgres.sql("""SELECT tgname FROM pg_trigger ORDER BY tgname"""),
                         "gman_note\ngman_note_changed")


if __name__ == "__main__":
    unittest.main()
