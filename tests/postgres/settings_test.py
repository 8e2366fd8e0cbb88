# SPDX-License-Identifier: BSD-3-Clause
"""Where settings come from, who may change them, and the scripts in sql/postgres."""
import os
import subprocess
import time
import unittest

from fixture import ExtensionCase
from postgres import ROOT, PrivatePostgres

SCRIPTS = ROOT / "sql" / "postgres"
PATIENCE_SECONDS = 20


class Settings(ExtensionCase):
    schema = "CREATE ROLE bare LOGIN"

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

    def test_the_roles_may_do_what_their_names_say_and_no_more(self):
        roles = ("-f", str(SCRIPTS / "roles.sql"))
        for _ in range(2):  # running it again changes nothing
            self.assertEqual(self.psql(*roles), "")
        self.postgres.sql("SET client_min_messages = warning; SELECT gman_outbox_install()")
        self.addCleanup(self.postgres.sql, "SET client_min_messages = warning; "
                        "DROP SCHEMA gman CASCADE")
        allowed = "SELECT gman_do_background('note', 'x') IS NOT NULL"
        for role, statement, answer in (
                ("gman_submit", allowed, "t"),
                ("gman_submit", "SELECT gman_held_jobs()", "0"),
                ("gman_submit", "SELECT count(*) FROM gman_watches", "0"),
                ("gman_submit", "SELECT has_outbox, held_jobs FROM gman_status", "t|0"),
                ("gman_submit", "SELECT gman_do('reverse', 'ab')", "denied"),
                ("gman_submit", "SELECT gman_servers_set('x:1')", "denied"),
                ("gman_submit", "SET gman.enabled = off", "denied"),
                ("gman_call", "SELECT gman_do('reverse', 'ab')", "ba"),
                ("gman_call", "SELECT gman_ping() IS NOT NULL", "t"),
                ("gman_call", "SELECT gman_map('reverse', 'ab'), gman_sum('reverse', '21')",
                 "{ba}|12"),
                ("gman_call", allowed, "denied"),
                ("gman_submit", "SELECT gman_map('reverse', 'ab')", "denied"),
                ("gman_admin", allowed, "t"),
                ("gman_admin", "SELECT gman_do('reverse', 'ab')", "ba"),
                ("gman_admin", "SELECT gman_servers_set(current_setting('gman.servers'))", "t"),
                ("gman_admin", "SET gman.servers = 'x:1'", ""),
                ("gman_admin", "SET gman.enabled = record", ""),
                ("gman_admin", "SET gman.allowed_servers = ''", "cannot be changed now")):
            with self.subTest(role=role, statement=statement):
                told = self.psql("-c", "SELECT gman_version() IS NULL", "-c", f"SET ROLE {role}",
                                 "-c", statement).splitlines()[1:]
                if answer in ("denied", "cannot be changed now"):
                    self.assertIn(answer, told[0])
                else:
                    self.assertEqual("".join(told), answer)

    def test_the_roles_script_calls_no_function_of_somebody_elses(self):
        self.postgres.sql(
            "CREATE FUNCTION format(text, text) RETURNS text LANGUAGE sql "
            "AS $$ SELECT 'CREATE ROLE trapped' $$; "
            "CREATE FUNCTION format(text, text, text) RETURNS text LANGUAGE sql "
            "AS $$ SELECT 'CREATE ROLE trapped' $$")
        self.addCleanup(self.postgres.sql, "DROP FUNCTION format(text, text), "
                        "format(text, text, text); DROP ROLE IF EXISTS trapped")
        self.assertEqual(self.psql("-f", str(SCRIPTS / "roles.sql")), "")
        self.assertEqual(self.postgres.sql("SELECT to_regrole('trapped') IS NULL"), "t")

    def test_only_allowed_servers_are_connected_to_however_they_were_set(self):
        allowed = {"gman.allowed_servers": f"unix:/allowed, tcp://{self.gmand.address}"}
        with PrivatePostgres(servers=self.gmand.address, settings=allowed) as postgres:
            postgres.sql("CREATE EXTENSION gman")
            with postgres.session() as session:
                self.assertEqual(session.run("SELECT gman_do('reverse', 'ab')"), "ba")
                answer = session.run("SELECT gman_servers_set('127.0.0.1:1')")
                self.assertIn("ERROR:  42501: ", answer)
                self.assertIn('"127.0.0.1:1"', answer)
                self.assertEqual(session.run("SHOW gman.servers"), self.gmand.address)
                session.run("SET gman.servers = 'elsewhere'")
                for statement in ("gman_do('reverse', 'ab')", "gman_do_background('note', 'x')",
                                  "gman_ping()"):
                    self.assertIn("ERROR:  42501: ", session.run(f"SELECT {statement}"))
                self.assertEqual(session.run("SELECT gman_servers_set('unix:/allowed')"), "t")
                self.assertIn("ERROR:  08001: ", session.run("SELECT gman_ping()"))
                session.run("RESET gman.servers")
                self.assertEqual(session.run("SELECT gman_do('reverse', 'ab')"), "ba")

    def test_a_list_of_allowed_servers_that_changes_holds_for_sessions_that_are_connected(self):
        with PrivatePostgres(servers=self.gmand.address) as postgres:
            postgres.sql("CREATE EXTENSION gman")
            with postgres.session() as session:
                self.assertEqual(session.run("SELECT gman_do('reverse', 'ab')"), "ba")
                session.run("ALTER SYSTEM SET gman.allowed_servers = 'unix:/allowed'")
                self.assertEqual(session.run("SELECT pg_reload_conf()"), "t")
                until = time.monotonic() + PATIENCE_SECONDS
                while session.run("SHOW gman.allowed_servers") == "":
                    self.assertLess(time.monotonic(), until)
                self.assertIn("ERROR:  42501: ", session.run("SELECT gman_ping()"))


if __name__ == "__main__":
    unittest.main()
