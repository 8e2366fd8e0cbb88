# SPDX-License-Identifier: BSD-3-Clause
"""MariaDB's plugin in gman_udf.so: system and session variables, counters, and its coming and going
while sessions call."""
import concurrent.futures
import json
import unittest

from fixture import RecordingServer, database, dead_address
from mariadb import PLUGIN, SqlError

# So many sessions may have a last error (udf_mysql/last_error.hpp).
FAILED_SESSIONS_MAX = 1024
LOAD = "--plugin-load-add=gman_udf"


@unittest.skipUnless(b"_maria_plugin_declarations_" in PLUGIN.read_bytes(),
                     "gman_udf.so was built without MariaDB's plugin headers")
class PluginTest(unittest.TestCase):
    def variables(self, server):
        return dict(line.split("\t", 1) if "\t" in line else (line, "") for line in
                    server.sql("SHOW GLOBAL VARIABLES LIKE 'gman%'").splitlines())

    def counters(self, server):
        return {name: int(value) for name, value in
                (line.split("\t") for line in
                 server.sql("SHOW GLOBAL STATUS LIKE 'Gman%'").splitlines())}


class Variables(PluginTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.jobs = cls.enterClassContext(RecordingServer())
        cls.dead = dead_address()
        # What the environment and the file say is not asked where the plugin is.
        cls.server = cls.enterClassContext(database(
            cls.dead, options=[LOAD, f"--gman-servers={cls.jobs.address}",
                               f"--gman-allowed-servers={cls.jobs.address},{cls.dead}"],
            config="wrong\n"))

    def setUp(self):
        self.sql = self.server.sql
        self.sql(f"SET GLOBAL gman_servers = '{self.jobs.address}'")
        self.jobs.requests.clear()

    def refused(self, statement, words):
        with self.assertRaisesRegex(SqlError, words):
            self.sql(statement)

    def test_are_all_there_with_their_defaults(self):
        self.assertEqual(self.variables(self.server), {
            "gman_servers": self.jobs.address,
            "gman_allowed_servers": f"{self.jobs.address},{self.dead}",
            "gman_allow_servers_set": "OFF", "gman_send_on_replica": "OFF",
            "gman_connect_timeout_ms": "2000", "gman_answer_timeout_ms": "10000",
            "gman_idle_connections_max": "256", "gman_on_error": "error", "gman_deadline_ms": "0"})

    def test_the_servers_can_be_changed_while_the_server_runs(self):
        self.sql("SELECT gman_do_background('f', 'before')")
        self.sql(f"SET GLOBAL gman_servers = '{self.dead}'")
        self.refused("SELECT gman_do_background('f', 'meanwhile')", f"1644.*{self.dead}")
        self.sql(f"SET GLOBAL gman_servers = CONCAT('{self.dead}', ',', '{self.jobs.address}')")
        self.sql("SELECT gman_do_background('f', 'after')")
        self.assertEqual([request[3] for request in self.jobs.requests], [b"before", b"after"])
        self.sql("SET GLOBAL gman_servers = ''")
        self.refused("SELECT gman_do_background('f', 'w')", "1644.*configured")
        self.sql("SET GLOBAL gman_servers = DEFAULT")

    def test_a_wrong_list_is_refused_and_changes_nothing(self):
        for value, words in (("'a b'", "gman_servers: .*a b"),
                             ("'127.0.0.1:1'", "127.0.0.1:1.*not among those that are allowed"),
                             (f"REPEAT('x', {(1 << 14) + 1})", "16384"),
                             ("5", "gman_servers|type")):
            with self.subTest(value=value):
                self.refused(f"SET GLOBAL gman_servers = {value}", words)
        self.sql("SELECT gman_do_background('f', 'w')")
        self.refused("SET GLOBAL gman_allowed_servers = ''", "read only")

    def test_an_account_without_privilege_changes_only_its_session(self):
        self.sql("CREATE OR REPLACE USER app@localhost")
        for statement in ("SET GLOBAL gman_servers = ''", "SET GLOBAL gman_on_error = 'null'",
                          "SET GLOBAL gman_allow_servers_set = ON"):
            with self.assertRaisesRegex(SqlError, "denied"):
                self.server.sql(statement, user="app")
        with self.assertRaisesRegex(SqlError, "GLOBAL"):
            self.server.sql("SET SESSION gman_servers = ''", user="app")
        self.assertEqual(self.server.sql(
            "SET gman_on_error = 'null', gman_deadline_ms = 100;"
            "SELECT gman_do(NULL, 'w'), @@gman_on_error, @@global.gman_on_error", user="app"),
            "NULL\tnull\terror")

    def test_each_session_has_its_policy_and_its_deadline(self):
        self.refused("SET gman_on_error = 'warning';"
                     "SET gman_on_error = 'ignore'", "ignore")
        self.assertRegex(self.sql("SET gman_on_error = 'warning'; SELECT gman_do(NULL, 'w');"
                                  "SHOW WARNINGS"), r"^NULL\n\w+\t1644\tgman_do: ")
        self.refused("SELECT gman_do(NULL, 'w')", "1644")
        self.sql("SET GLOBAL gman_on_error = 'null'; SELECT 1")
        self.assertEqual(self.sql("SELECT gman_do(NULL, 'w')"), "NULL")
        self.sql("SET GLOBAL gman_on_error = DEFAULT")
        for value in ("-1", "3600001"):
            self.sql(f"SET gman_deadline_ms = {value}")  # brought to the nearest, with a warning
        self.assertEqual(self.sql("SET gman_deadline_ms = 3600001; SELECT @@gman_deadline_ms"),
                         "3600000")

    def test_gman_servers_set_obeys_switch_and_allow_list(self):
        call = f"SELECT gman_servers_set('{self.dead}', 'g')"
        self.refused(call, "refused.*gman_allow_servers_set")
        self.sql("SET GLOBAL gman_allow_servers_set = ON")
        self.assertEqual(self.sql(call), self.dead)
        self.refused("SELECT gman_servers_set('127.0.0.1:1', 'g')", "not among those")
        self.assertEqual(self.sql("SELECT gman_servers_get('g')"), self.dead)
        self.sql("SELECT gman_servers_set('', 'g'); SET GLOBAL gman_allow_servers_set = OFF")


class Counters(PluginTest):
    def test_count_what_happens(self):
        with RecordingServer() as jobs, database(
                options=[LOAD, f"--gman-servers={jobs.address}"]) as server:
            self.assertEqual(set(self.counters(server).values()), {0})
            server.sql("SELECT gman_do('f', 'w'), gman_do('f', 'w'), gman_do_background('f', 'w')")
            server.sql("SET gman_on_error = 'null'; SELECT gman_do('f', NULL)")
            self.assertEqual(self.counters(server), {
                "Gman_foreground_jobs": 2, "Gman_background_jobs": 1, "Gman_errors": 1,
                "Gman_kills": 0, "Gman_silenced_on_replica": 0, "Gman_clients_made": 1,
                "Gman_clients_reused": 2, "Gman_idle_connections": 1})


class Life(PluginTest):
    def test_wrong_lists_of_the_start_fail_every_call_until_they_are_mended(self):
        with RecordingServer() as jobs, database(
                jobs.address, options=[LOAD, "--gman-servers=a b"]) as server:
            with self.assertRaisesRegex(SqlError, "1644.*gman_servers: "):
                server.sql("SELECT gman_do_background('f', 'w')")
            self.assertIn("gman: gman_servers: ", server.log())
            server.sql(f"SET GLOBAL gman_servers = '{jobs.address}'")
            server.sql("SELECT gman_do_background('f', 'w')")
            self.assertEqual(len(jobs.requests), 1)

    def test_wrong_allowed_servers_fail_every_call_until_a_restart(self):
        with RecordingServer() as jobs, database(
                options=[LOAD, f"--gman-servers={jobs.address}", "--gman-allowed-servers=a b"]
                ) as server:
            for _ in range(2):
                with self.assertRaisesRegex(SqlError, "1644.*gman_allowed_servers: "):
                    server.sql("SELECT gman_do_background('f', 'w')")
                with self.assertRaisesRegex(SqlError, "read only"):
                    server.sql("SET GLOBAL gman_allowed_servers = ''")
                with self.assertRaisesRegex(SqlError, "1644.*gman_allowed_servers: "):
                    server.sql(f"SET GLOBAL gman_servers = '{jobs.address}'")
            self.assertEqual(jobs.requests, [])

    def test_comes_and_goes_while_fifty_sessions_call(self):
        with RecordingServer() as jobs, database(jobs.address) as server:
            # Without it the environment's server is asked, with it the variable's: the same one.
            server.sql("DELIMITER //\nCREATE PROCEDURE test.calls(times INT) BEGIN"
                       " WHILE times > 0 DO SET @job = gman_do_background('f', times),"
                       " times = times - 1; END WHILE; END //\nDELIMITER ;")
            with concurrent.futures.ThreadPoolExecutor(50) as pool:
                sessions = [pool.submit(server.sql, "CALL test.calls(200)") for _ in range(50)]
                for _ in range(10):
                    # gman_servers is empty at first, and so are the calls' answers: an error.
                    server.sql("INSTALL SONAME 'gman_udf'")
                    server.sql(f"SET GLOBAL gman_servers = '{jobs.address}'")
                    server.sql("UNINSTALL SONAME 'gman_udf'")
                ends = [session.exception(120) for session in sessions]
            for end in ends:
                if end is not None:
                    self.assertRegex(str(end), "1644.*no job server is configured")
            self.assertEqual(server.sql("SELECT gman_do('f', 'after')"), "after")
            self.assertEqual(server.stop(), 0)

    def test_a_session_s_last_error_goes_with_it(self):
        """Else the errors of sessions that have ended would take the place of this one's."""
        with database(dead_address(), options=[LOAD]) as server:
            stays = server.popen_sql(options=["--force"])
            stays.stdin.write(b"SELECT gman_do(NULL, 'w'); SELECT gman_last_error();\n")
            stays.stdin.flush()
            self.assertEqual(json.loads(stays.stdout.readline())["function"], "gman_do")
            others = server.popen_sql(options=["--force"])
            _, err = others.communicate(
                b"SELECT gman_do(NULL, 'w');\nconnect;\n" * FAILED_SESSIONS_MAX, timeout=120)
            self.assertEqual(err.count(b"ERROR 1644"), FAILED_SESSIONS_MAX)
            out, _ = stays.communicate(b"SELECT gman_last_error();\n", timeout=60)
            self.assertEqual(json.loads(out)["function"], "gman_do")


if __name__ == "__main__":
    unittest.main()
