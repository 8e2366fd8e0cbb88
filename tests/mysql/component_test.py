# SPDX-License-Identifier: BSD-3-Clause
"""MySQL's component: its variables, its privilege, its counters, and its coming and going while
sessions call."""
import concurrent.futures
import contextlib
import json
import re
import subprocess
import sys
import unittest

import fetched
import wire
from fixture import RecordingServer, ScriptedServer, dead_address, read_job, respond
from mariadb import SqlError
from mysql import COMPONENT, PrivateDatabase
from variable_cases import VariableCases

# So many sessions may have a last error (udf_mysql/last_error.hpp).
FAILED_SESSIONS_MAX = 1024
FUNCTIONS = {"gman_do", "gman_do_high", "gman_do_low", "gman_do_background",
             "gman_do_high_background", "gman_do_low_background", "gman_do_at", "gman_do_json",
             "gman_do_all", "gman_job_status", "gman_cancel", "gman_servers_set",
             "gman_servers_get", "gman_sum", "gman_ping", "gman_version", "gman_last_error"}
INSTALL = PrivateDatabase.script("component.sql") if PrivateDatabase.dialect == "mysql" else ""
UNINSTALL = "UNINSTALL COMPONENT 'file://component_gman'"


@contextlib.contextmanager
def component(servers="", environment=(), options=()):
    """A MySQL with the component and an empty database `test`."""
    with PrivateDatabase(env=dict(environment), options=options) as server:
        server.sql(f"{INSTALL}; SET GLOBAL gman.servers = '{servers}'; CREATE DATABASE test")
        yield server


def variables(server):
    return dict(line.split("\t", 1) for line in
                server.sql("SHOW GLOBAL VARIABLES LIKE 'gman.%'").splitlines())


def counters(server):
    return {name: int(value) for name, value in
            (line.split("\t") for line in
             server.sql("SHOW GLOBAL STATUS LIKE 'Gman%'").splitlines())}


def functions(server):
    """Those that there are: with so many arguments each of them is an error of its own."""
    client = server.popen_sql(options=["--force"], database="test")
    _, err = client.communicate("".join(
        f"SELECT {name}(1, 2, 3, 4, 5);\n" for name in FUNCTIONS).encode(), timeout=60)
    missing = set(re.findall(r"1305 .*FUNCTION test\.(\w+) does not exist", err.decode()))
    assert err.count(b"ERROR 1305") == len(missing), err
    assert err.count(b"ERROR 1123") == len(FUNCTIONS) - len(missing), err
    return FUNCTIONS - missing


class ComponentTest(unittest.TestCase):
    def refused(self, statement, words, **session):
        with self.assertRaisesRegex(SqlError, words):
            self.server.sql(statement, **session)


class Shared(ComponentTest):
    """What one server serves."""

    @classmethod
    def setUpClass(cls):
        cls.jobs = cls.enterClassContext(RecordingServer())
        cls.dead = dead_address()
        # What the environment says is not asked where the component is.
        cls.server = cls.enterClassContext(component(
            cls.jobs.address, {"GMAN_SERVERS": cls.dead, "GMAN_ON_ERROR": "null"}))

    def setUp(self):
        self.sql = self.server.sql
        self.sql(f"SET GLOBAL gman.servers = '{self.jobs.address}'")
        self.jobs.requests.clear()


class Variables(VariableCases, Shared):
    prefix = "gman."
    create_account = "CREATE USER app@localhost; GRANT GMAN_SUBMIT ON *.* TO app@localhost"
    switches_on = ("SET PERSIST gman.allow_servers_set = ON",)

    def test_a_session_s_deadline_ends_its_call(self):
        with ScriptedServer(lambda connection: (read_job(connection), read_job(connection))
                            ) as silent:
            self.sql(f"SET GLOBAL gman.servers = '{silent.address}'")
            self.refused("SET gman.deadline_ms = 50; SELECT gman_do('f', 'w')", "1644")


class Privilege(Shared):
    DENIED = r"1227 \(42000\).*GMAN_SUBMIT"

    def account(self, name):
        self.sql(f"DROP USER IF EXISTS {name}@localhost; CREATE USER {name}@localhost;"
                 f"GRANT ALL ON test.* TO {name}@localhost")
        return name

    def test_every_function_demands_it(self):
        user = self.account("nobody")
        calls = ("gman_do('f', 'w')", "gman_do_high('f', 'w')", "gman_do_low('f', 'w')",
                 "gman_do_background('f', 'w')", "gman_do_high_background('f', 'w')",
                 "gman_do_low_background('f', 'w')", "gman_do_at('f', 'w', 0)",
                 "gman_do_json('f', 'w', NULL)", "gman_do_all('f', 'w')", "gman_sum('f', 'w')",
                 "gman_job_status('H:x:1')", "gman_cancel('H:x:1')", "gman_servers_set('')",
                 "gman_servers_get()", "gman_ping()", "gman_version()", "gman_last_error()")
        self.assertEqual({call.partition("(")[0] for call in calls}, FUNCTIONS)
        session = self.server.popen_sql(user=user, options=["--force"])
        out, err = session.communicate(
            "".join(f"SELECT {call};\n" for call in calls).encode(), timeout=60)
        self.assertEqual(out, b"")
        self.assertEqual(len(re.findall(self.DENIED, err.decode())), len(calls))
        self.assertEqual(self.jobs.requests, [])

    def test_is_granted_and_revoked_as_any_other(self):
        user = self.account("app")
        self.sql("GRANT GMAN_SUBMIT ON *.* TO app@localhost")
        self.assertEqual(self.sql("SELECT gman_do('f', 'w')", user=user), "w")
        self.sql("REVOKE GMAN_SUBMIT ON *.* FROM app@localhost")
        self.refused("SELECT gman_do('f', 'w')", self.DENIED, user=user)

    def test_comes_by_a_role_too(self):
        user = self.account("app")
        self.sql("DROP ROLE IF EXISTS sender; CREATE ROLE sender;"
                 "GRANT GMAN_SUBMIT ON *.* TO sender; GRANT sender TO app@localhost")
        self.refused("SELECT gman_do('f', 'w')", self.DENIED, user=user)
        self.assertEqual(self.sql("SET ROLE sender; SELECT gman_do('f', 'w')", user=user), "w")

    def test_a_prepared_statement_asks_at_each_execution(self):
        user = self.account("app")
        self.sql("GRANT GMAN_SUBMIT ON *.* TO app@localhost")
        session = self.server.popen_sql(user=user, options=["--force"])
        session.stdin.write(b"PREPARE p FROM \"SELECT gman_do('f', 'w')\"; EXECUTE p;\n")
        session.stdin.flush()
        self.assertEqual(session.stdout.readline(), b"w\n")
        self.sql("REVOKE GMAN_SUBMIT ON *.* FROM app@localhost")
        out, err = session.communicate(b"EXECUTE p;\n", timeout=60)
        self.assertEqual(out, b"")
        self.assertRegex(err.decode(), self.DENIED)

    def test_a_statement_that_was_prepared_before_the_component_went_is_an_error(self):
        session = self.server.popen_sql(options=["--force"], database="test")
        session.stdin.write(b"SET @w = 'w'; PREPARE p FROM \"SELECT gman_do('f', @w)\";"
                            b"PREPARE q FROM \"SELECT gman_do('f', ?)\"; EXECUTE q USING @w;\n")
        session.stdin.flush()
        self.assertEqual(session.stdout.readline(), b"w\n")
        self.sql(UNINSTALL)
        session.stdin.write(b"EXECUTE p; EXECUTE q USING @w; SELECT 'after';\n")
        session.stdin.flush()
        self.assertEqual(session.stdout.readline(), b"after\n")
        self.sql(f"{INSTALL}; SET GLOBAL gman.servers = '{self.jobs.address}'")
        out, err = session.communicate(b"EXECUTE p; EXECUTE q USING @w;\n", timeout=60)
        self.assertEqual(out, b"w\nw\n")
        self.assertEqual(err.count(b"ERROR 1305") + err.count(b"ERROR 1122"), 2, err)

    def test_a_wrapper_and_a_trigger_have_their_definer_s(self):
        user = self.account("app")
        self.sql("DROP TABLE IF EXISTS t; CREATE TABLE t (id INT);"
                 "CREATE TRIGGER t_sends AFTER INSERT ON t FOR EACH ROW"
                 " SET @job = gman_do_background('f', NEW.id);"
                 "DROP FUNCTION IF EXISTS lends;"
                 "CREATE FUNCTION lends(w TEXT) RETURNS TEXT NO SQL SQL SECURITY DEFINER"
                 " RETURN gman_do('f', w);"
                 "DROP FUNCTION IF EXISTS naked;"
                 "CREATE FUNCTION naked(w TEXT) RETURNS TEXT NO SQL SQL SECURITY INVOKER"
                 " RETURN gman_do('f', w)", database="test")
        self.sql("INSERT INTO t VALUES (1), (2)", database="test", user=user)
        self.assertEqual(self.sql("SELECT lends('w')", database="test", user=user), "w")
        self.refused("SELECT naked('w')", self.DENIED, database="test", user=user)
        self.assertEqual([request[3] for request in self.jobs.requests], [b"1", b"2", b"w"])

    def test_the_wrappers_of_schema_gman_work_with_it(self):
        user = self.account("app")
        self.sql(PrivateDatabase.script("wrappers.sql"))
        self.sql("GRANT gman_caller TO app@localhost")
        self.assertEqual(self.sql("SET ROLE gman_caller; SELECT gman.do('f', 'é')", user=user), "é")
        self.sql(PrivateDatabase.script("wrappers_uninstall.sql"))


class Life(ComponentTest):
    def test_counts_what_happens(self):
        with RecordingServer() as jobs, component(jobs.address) as self.server:
            self.assertEqual(set(counters(self.server).values()), {0})
            self.server.sql(
                "SELECT gman_do('f', 'w'), gman_do('f', 'w'), gman_do_background('f', 'w')")
            self.server.sql("SET gman.on_error = 'null'; SELECT gman_do('f', NULL)")
            self.assertEqual(counters(self.server), {
                "Gman_foreground_jobs": 2, "Gman_background_jobs": 1, "Gman_errors": 1,
                "Gman_kills": 0, "Gman_clients_made": 1, "Gman_clients_reused": 2,
                "Gman_idle_connections": 1})

    def test_what_is_persisted_survives_a_restart_and_a_new_installation(self):
        with RecordingServer() as jobs, component() as self.server:
            self.server.sql(f"SET PERSIST gman.servers = '{jobs.address}';"
                            "SET PERSIST gman.connect_timeout_ms = 77;"
                            "SET PERSIST gman.on_error = 'warning';"
                            f"SET PERSIST_ONLY gman.allowed_servers = '{jobs.address}'")
            self.server.restart()
            for _ in range(2):
                now = variables(self.server)
                self.assertEqual(now["gman.servers"], jobs.address)
                self.assertEqual(now["gman.allowed_servers"], jobs.address)
                self.assertEqual(now["gman.connect_timeout_ms"], "77")
                self.assertEqual(now["gman.on_error"], "warning")
                self.assertEqual(self.server.sql("SELECT gman_do('f', 'w')"), "w")
                self.refused("SET GLOBAL gman.servers = '127.0.0.1:1'",
                             "1644.*127.0.0.1:1.*not among those that are allowed")
                self.server.sql(UNINSTALL + ";" + INSTALL)

    def test_is_installed_with_settings(self):
        with RecordingServer() as jobs, component() as self.server:
            self.server.sql(UNINSTALL)
            self.assertEqual(functions(self.server), set())
            self.assertEqual(variables(self.server), {})
            self.assertEqual(counters(self.server), {})
            self.server.sql("INSTALL COMPONENT 'file://component_gman' SET"
                            f" GLOBAL gman.servers = '{jobs.address}',"
                            f" GLOBAL gman.allowed_servers = '{jobs.address}'")
            self.assertEqual(functions(self.server), FUNCTIONS)
            self.assertEqual(self.server.sql("SELECT gman_do('f', 'w')"), "w")
            self.refused("SET GLOBAL gman.servers = '127.0.0.1:1'", "not among those")
            self.server.sql(UNINSTALL)
            self.server.sql("INSTALL COMPONENT 'file://component_gman' SET"
                            " GLOBAL gman.servers = 'a b'")
            self.refused("SELECT gman_do('f', 'w')", "1644.*gman.servers: ")
            self.assertIn("gman.servers: ", self.server.log())
            self.server.sql(f"SET GLOBAL gman.servers = '{jobs.address}'")
            self.assertEqual(self.server.sql("SELECT gman_do('f', 'w')"), "w")

    def test_takes_settings_from_the_option_file_or_the_command_line(self):
        with RecordingServer() as jobs, component(jobs.address, options=[
                f"--loose-gman.allowed-servers={jobs.address}",
                "--loose-gman.deadline-ms=4711"]) as self.server:
            for _ in range(2):
                now = variables(self.server)
                self.assertEqual(now["gman.allowed_servers"], jobs.address)
                self.assertEqual(now["gman.deadline_ms"], "4711")
                self.refused("SET GLOBAL gman.servers = '127.0.0.1:1'", "not among those")
                self.server.restart()

    def test_is_not_installed_beside_the_plain_functions(self):
        with RecordingServer() as jobs, component(jobs.address) as self.server:
            self.server.sql(UNINSTALL)
            self.server.sql("CREATE FUNCTION gman_sum RETURNS INTEGER SONAME 'gman_udf.so'")
            self.refused(INSTALL, "3536.*gman")
            self.assertIn("there is a function gman_sum already", self.server.log())
            self.assertEqual(functions(self.server), {"gman_sum"})
            self.assertEqual(variables(self.server), {})
            self.server.sql("DROP FUNCTION gman_sum;" + INSTALL)
            self.assertEqual(functions(self.server), FUNCTIONS)

    def test_is_not_uninstalled_while_a_session_waits_in_a_call(self):
        def wait_for_the_test(connection):
            read_job(connection)
            with jobs.changed:
                jobs.asked = True
                jobs.changed.notify_all()
                self.assertTrue(jobs.changed.wait_for(lambda: jobs.may_answer, 60))
            respond(connection, wire.JOB_CREATED, "H:test:1")
            respond(connection, wire.WORK_COMPLETE, "H:test:1", "done")
            read_job(connection)  # raises once the pool closes the connection

        with ScriptedServer(wait_for_the_test) as jobs, component(jobs.address) as self.server:
            jobs.asked = jobs.may_answer = False
            caller = self.server.popen_sql("SELECT gman_do('f', 'w')")
            with jobs.changed:
                self.assertTrue(jobs.changed.wait_for(lambda: jobs.asked, 60))
            self.refused(UNINSTALL, "3538.*gman")
            self.assertIn("a session uses the function gman_do", self.server.log())
            self.assertEqual(functions(self.server), FUNCTIONS)
            self.assertEqual(variables(self.server)["gman.servers"], jobs.address)
            with jobs.changed:
                jobs.may_answer = True
                jobs.changed.notify_all()
            self.assertEqual(caller.communicate(timeout=60), (b"done\n", b""))
            self.server.sql(UNINSTALL)
            self.assertEqual(functions(self.server), set())

    def test_comes_and_goes_while_fifty_sessions_call(self):
        with RecordingServer() as jobs, component(jobs.address) as self.server:
            server = self.server
            server.sql(f"SET PERSIST gman.servers = '{jobs.address}'")
            server.sql("DELIMITER //\nCREATE PROCEDURE calls(times INT) BEGIN"
                       " DECLARE CONTINUE HANDLER FOR 1305, 1122 SET @gone = @gone + 1;"
                       " SET @gone = 0; WHILE times > 0 DO"
                       " SET @job = gman_do_background('f', times), times = times - 1;"
                       " END WHILE; END //\nDELIMITER ;", database="test")
            went = 0
            with concurrent.futures.ThreadPoolExecutor(50) as pool:
                sessions = [pool.submit(server.sql, "CALL calls(200); SELECT @gone",
                                        database="test") for _ in range(50)]
                while not all(session.done() for session in sessions) or went == 0:
                    try:
                        server.sql(UNINSTALL)
                    except SqlError:  # in use
                        continue
                    went += 1
                    server.sql("INSTALL COMPONENT 'file://component_gman'")
                gone = sum(int(session.result(120)) for session in sessions)
            self.assertEqual(len(jobs.requests), 50 * 200 - gone)
            self.assertEqual(functions(server), FUNCTIONS)
            self.assertEqual(server.sql("SELECT gman_do('f', 'after')"), "after")
            self.assertEqual(server.stop(), 0)

    def test_a_session_s_last_error_goes_with_it(self):
        """Else the errors of sessions that have ended would take the place of this one's."""
        with component(dead_address()) as self.server:
            stays = self.server.popen_sql(options=["--force"])
            stays.stdin.write(b"SELECT gman_do(NULL, 'w'); SELECT gman_last_error();\n")
            stays.stdin.flush()
            self.assertEqual(json.loads(stays.stdout.readline())["function"], "gman_do")
            others = self.server.popen_sql(options=["--force"])
            _, err = others.communicate(
                b"SELECT gman_do(NULL, 'w');\nconnect;\n" * FAILED_SESSIONS_MAX, timeout=120)
            self.assertEqual(err.count(b"ERROR 1644"), FAILED_SESSIONS_MAX)
            out, _ = stays.communicate(b"SELECT gman_last_error();\n", timeout=60)
            self.assertEqual(json.loads(out)["function"], "gman_do")

    def test_a_blocked_call_obeys_kill(self):
        with ScriptedServer(lambda connection: (read_job(connection), read_job(connection))
                            ) as silent, component(silent.address) as self.server:
            self.refused("SELECT /*+ MAX_EXECUTION_TIME(100) */ gman_do('f', 'w')", "3024")
            self.assertEqual(counters(self.server)["Gman_kills"], 1)


class SharedObject(unittest.TestCase):
    def test_exports_the_entry_point_and_nothing_else(self):
        """Else CREATE FUNCTION could make a function known that asks for no privilege."""
        listed = subprocess.run(["nm", "-D", "--defined-only", COMPONENT], check=True,
                                stdout=subprocess.PIPE, text=True).stdout
        self.assertEqual([line.split()[2] for line in listed.splitlines()], ["list_components"])


if __name__ == "__main__":
    if PrivateDatabase.dialect != "mysql":
        sys.exit("GMAN_MYSQL_SERVER must name a MySQL: see docs/HACKING.md")
    if not COMPONENT.exists():
        print("skipped: component_gman.so was not built; its configure step says what it lacks")
        sys.exit(fetched.SKIPPED)
    unittest.main()
