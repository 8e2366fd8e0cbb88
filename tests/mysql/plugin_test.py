# SPDX-License-Identifier: BSD-3-Clause
"""MariaDB's plugin in gman_udf.so: system and session variables, counters, and its coming and going
while sessions call."""
import concurrent.futures
import json
import unittest

from fixture import RecordingServer, database, dead_address
from mariadb import PLUGIN, SqlError
from variable_cases import VariableCases

# So many sessions may have a last error (udf_mysql/last_error.hpp).
FAILED_SESSIONS_MAX = 1024
LOAD = "--plugin-load-add=gman_udf"


@unittest.skipUnless(b"_maria_plugin_declarations_" in PLUGIN.read_bytes(),
                     "gman_udf.so was built without MariaDB's plugin headers")
class PluginTest(unittest.TestCase):
    def counters(self, server):
        return {name: int(value) for name, value in
                (line.split("\t") for line in
                 server.sql("SHOW GLOBAL STATUS LIKE 'Gman%'").splitlines())}


class Variables(VariableCases, PluginTest):
    prefix = "gman_"
    create_account = "CREATE OR REPLACE USER app@localhost"
    switches_on = ("SET GLOBAL gman_allow_servers_set = ON",)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.jobs = cls.enterClassContext(RecordingServer())
        cls.dead = dead_address()
        cls.allowed = f"{cls.jobs.address},{cls.dead}"
        # What the environment and the file say is not asked where the plugin is.
        cls.server = cls.enterClassContext(database(
            cls.dead, options=[LOAD, f"--gman-servers={cls.jobs.address}",
                               f"--gman-allowed-servers={cls.allowed}"],
            config="wrong\n"))


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
