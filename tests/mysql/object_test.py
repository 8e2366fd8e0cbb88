# SPDX-License-Identifier: BSD-3-Clause
"""gman_udf.so as a guest in the database server: what it shows, how long it stays, what it uses."""
import concurrent.futures
import pathlib
import re
import subprocess
import threading
import unittest

import wire
from fixture import (FunctionsCase, RecordingServer, ScriptedServer, database, read_job,
                     respond)
from mariadb import PLUGIN, ROOT, SqlError
from mysql import PrivateDatabase

FUNCTIONS = {"gman_do", "gman_do_high", "gman_do_low", "gman_do_background",
             "gman_do_high_background", "gman_do_low_background", "gman_do_at", "gman_do_json",
             "gman_do_all", "gman_job_status", "gman_cancel", "gman_servers_set",
             "gman_servers_get", "gman_sum", "gman_ping", "gman_version", "gman_last_error"}
PLUGIN_SYMBOLS = {"_maria_plugin_interface_version_", "_maria_sizeof_struct_st_plugin_",
                  "_maria_plugin_declarations_"}


class SharedObject(unittest.TestCase):
    def test_exports_the_entry_points_and_nothing_else(self):
        listed = subprocess.run(["nm", "-D", "--defined-only", PLUGIN], check=True,
                                stdout=subprocess.PIPE, text=True).stdout
        exported = {line.split()[2] for line in listed.splitlines()}
        entry_points = {name + suffix for name in FUNCTIONS for suffix in ("", "_init", "_deinit")}
        entry_points |= {name + suffix for name in ("gman_sum", "gman_do_all")
                         for suffix in ("_clear", "_add", "_reset")}
        entry_points -= {"gman_version_deinit", "gman_cancel_deinit"}
        self.assertEqual(exported - PLUGIN_SYMBOLS, entry_points)

    def test_stays_loaded_and_links_no_database_library(self):
        dynamic = subprocess.run(["readelf", "-dW", PLUGIN], check=True, stdout=subprocess.PIPE,
                                 text=True).stdout
        self.assertRegex(dynamic, r"FLAGS_1.*NODELETE")
        self.assertNotRegex(dynamic, r"NEEDED.*(mariadb|mysql|toml)")


class Scripts(unittest.TestCase):
    def installed(self, server):
        return set(server.sql("SELECT name FROM mysql.func").splitlines())

    def test_install_and_uninstall_can_be_run_again(self):
        uninstall = PrivateDatabase.script("uninstall.sql")
        with RecordingServer() as jobs, database(jobs.address) as server:
            self.assertEqual(self.installed(server), FUNCTIONS)
            for _ in range(2):
                server.install_functions()
                self.assertEqual(self.installed(server), FUNCTIONS)
                server.sql("SELECT gman_do_background('f', 'w')")
            for _ in range(2):
                server.sql(uninstall)
                self.assertEqual(self.installed(server), set())
            with self.assertRaises(SqlError):
                server.sql("SELECT gman_version()")
            server.install_functions()
            self.assertEqual(server.sql("SELECT gman_do('f', 'again')"), "again")
            self.assertEqual(jobs.connections, 1)  # the pool outlived DROP FUNCTION
            self.assertEqual(server.stop(), 0)

    def test_functions_come_and_go_while_fifty_sessions_call(self):
        uninstall = PrivateDatabase.script("uninstall.sql")
        with RecordingServer() as jobs, database(jobs.address) as server:
            server.sql("DELIMITER //\nCREATE PROCEDURE calls(times INT) BEGIN"
                       " DECLARE CONTINUE HANDLER FOR 1305, 1122 SET @gone = @gone + 1;"
                       " SET @gone = 0; WHILE times > 0 DO"
                       " SET @job = gman_do_background('f', times), times = times - 1;"
                       " END WHILE; END //\nDELIMITER ;", database="test")
            with concurrent.futures.ThreadPoolExecutor(50) as pool:
                sessions = [pool.submit(server.sql, "CALL calls(200); SELECT @gone",
                                        database="test") for _ in range(50)]
                for _ in range(10):
                    server.sql(uninstall)
                    server.install_functions()
                gone = sum(int(session.result(120)) for session in sessions)
            self.assertEqual(len(jobs.requests), 50 * 200 - gone)
            self.assertEqual(server.stop(), 0)

    @unittest.skipUnless(PrivateDatabase.dialect == "mariadb", "it is what all tests run here")
    def test_the_script_for_mysql_runs_here_too(self):
        with database("127.0.0.1:1") as server:
            for _ in range(2):
                server.sql((ROOT / "sql/mysql/install.sql").read_text())
                self.assertEqual(self.installed(server), FUNCTIONS)

    def test_the_example_trigger_sends_a_job_for_each_row(self):
        example = PrivateDatabase.script("example_trigger.sql")
        with RecordingServer() as jobs, database(jobs.address) as server:
            for _ in range(2):
                server.sql(example, database="test")
            server.sql("INSERT INTO url (url) VALUES ('http://a/'), ('http://b/');"
                       "SET @gman_off = 1; INSERT INTO url (url) VALUES ('http://c/')",
                       database="test")
            self.assertEqual([request[1:] for request in jobs.requests],
                             [(b"index_url", b"", b"http://a/"),
                              (b"index_url", b"", b"http://b/")])

    def test_the_wrapper_of_the_manual_works_for_an_account_with_nothing_else(self):
        manual = (ROOT / "docs/MYSQL.md").read_text()
        recipe, = re.findall(r"```sql\n(-- A wrapper.*?)```", manual, re.DOTALL)
        with RecordingServer() as jobs, database(jobs.address) as server:
            server.sql("CREATE USER app@localhost; CREATE USER other@localhost;" + recipe)
            handle = server.sql("SELECT gman.index_url('http://a/é')", user="app")
            self.assertRegex(handle, "^H:")
            self.assertEqual(jobs.requests[0][1:], (b"index_url", b"", "http://a/é".encode()))
            with self.assertRaises(SqlError):
                server.sql("SELECT gman.index_url('x')", user="other")
            # What the manual warns of: the function itself asks nobody who he is.
            server.sql("SELECT gman_do_background('f', 'w')", user="other")


class Pool(FunctionsCase):
    def test_a_thousand_rows_through_a_trigger_use_one_connection(self):
        with RecordingServer() as jobs, database(jobs.address) as server:
            server.sql("CREATE TABLE t (id INT) ENGINE = InnoDB;"
                       "CREATE TRIGGER t_sends AFTER INSERT ON t FOR EACH ROW"
                       " SET @job = gman_do_background('f', NEW.id)", database="test")
            server.sql("INSERT INTO t SELECT seq FROM seq_1_to_1000", database="test")
            server.sql("INSERT INTO t VALUES (1001)", database="test")
            self.assertEqual([int(request[3]) for request in jobs.requests],
                             list(range(1, 1002)))
            self.assertEqual(jobs.connections, 1)

    def test_gmand_sees_one_connection_after_many_sessions(self):
        def connections():  # all but the one that asks
            return len(self.gmand.admin("workers").splitlines()) - 2
        for number in range(20):
            self.sql(f"SELECT gman_do_background('f', {number})")
        self.assertEqual(connections(), 1)

    def test_keeps_no_more_idle_connections_than_it_may(self):
        sessions, idle_max = 70, 64
        all_there = threading.Barrier(sessions)

        def answer_when_all_have_asked(connection):
            read_job(connection)
            all_there.wait(60)
            respond(connection, wire.JOB_CREATED, "H:test:1")
            read_job(connection)  # raises once the pool closes the connection

        with ScriptedServer(answer_when_all_have_asked) as jobs, \
                database(jobs.address, config=f"idle_connections_max = {idle_max}\n") as server:
            clients = [server.popen_sql("SELECT gman_do_background('f', 'w')")
                       for _ in range(sessions)]
            for client in clients:
                self.assertEqual(client.communicate(timeout=60), (b"H:test:1\n", b""))
            with jobs.changed:
                self.assertTrue(jobs.changed.wait_for(
                    lambda: jobs.ended == sessions - idle_max, 10))
            self.assertEqual(jobs.connections, sessions)

    def test_many_sessions_at_once_connect_no_more_often_than_there_are_sessions(self):
        """All of them at the same time, each of their calls at the same time as the others'."""
        sessions, calls = 64, 50
        with RecordingServer() as jobs, database(jobs.address) as server:
            server.sql("DELIMITER //\nCREATE PROCEDURE calls(times INT) BEGIN WHILE times > 0 DO"
                       " SET @job = gman_do_background('f', CONCAT(CONNECTION_ID(), ' ', times)),"
                       " times = times - 1; END WHILE; END //\nDELIMITER ;", database="test")
            clients = [server.popen_sql(f"CALL calls({calls})", database="test")
                       for _ in range(sessions)]
            for client in clients:
                self.assertEqual(client.communicate(timeout=120), (b"", b""))
            workloads = [request[3] for request in jobs.requests]
            self.assertEqual(len(set(workloads)), sessions * calls)
            self.assertEqual(len(workloads), sessions * calls)
            self.assertLessEqual(jobs.connections, sessions)

    def test_two_hundred_sessions_wait_at_once_also_in_a_pool_of_two_threads(self):
        """Nobody is answered before all have asked: a thread that waits must not count as busy."""
        sessions = 200
        patient = "connect_timeout_ms = 120000\nanswer_timeout_ms = 120000\n"
        for options in ((), PrivateDatabase.two_threads):
            all_there = threading.Barrier(sessions)

            def answer_when_all_have_asked(connection, all_there=all_there):
                read_job(connection)
                all_there.wait(120)
                respond(connection, wire.JOB_CREATED, "H:test:1")
                respond(connection, wire.WORK_COMPLETE, "H:test:1", "done")
                read_job(connection)  # raises once the pool closes the connection

            with self.subTest(options=options), \
                    ScriptedServer(answer_when_all_have_asked) as jobs, \
                    database(jobs.address, options=options, config=patient) as server:
                clients = [server.popen_sql("SELECT gman_do('f', 'w')") for _ in range(sessions)]
                for client in clients:
                    self.assertEqual(client.communicate(timeout=120), (b"done\n", b""))
                self.assertEqual(jobs.connections, sessions)

    def test_twenty_thousand_calls_leave_the_memory_as_it_was(self):
        def resident_kib():
            status = pathlib.Path(f"/proc/{self.database.pid}/status").read_text()
            return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])

        def call(times):
            self.sql(f"CALL calls({times})")

        self.sql("DELIMITER //\nCREATE PROCEDURE calls(times INT) BEGIN WHILE times > 0 DO"
                 " SET @job = gman_do_background('memory', times), times = times - 1;"
                 " END WHILE; END //\nDELIMITER ;")
        call(5000)
        before = resident_kib()
        call(20000)
        self.assertLess(resident_kib() - before, 1024)  # 50 bytes a call would be 1000


if __name__ == "__main__":
    unittest.main()
