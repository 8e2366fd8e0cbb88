# SPDX-License-Identifier: BSD-3-Clause
"""gman_udf.so as a guest in the database server: what it shows, how long it stays, what it uses."""
import pathlib
import re
import subprocess
import threading
import unittest

import wire
from fixture import (FunctionsCase, RecordingServer, ScriptedServer, database, read_job,
                     respond)
from mariadb import PLUGIN, ROOT, SqlError

FUNCTIONS = {"gman_do", "gman_do_high", "gman_do_low", "gman_do_background",
             "gman_do_high_background", "gman_do_low_background", "gman_servers_set",
             "gman_sum", "gman_ping", "gman_version"}


class SharedObject(unittest.TestCase):
    def test_exports_the_entry_points_and_nothing_else(self):
        listed = subprocess.run(["nm", "-D", "--defined-only", PLUGIN], check=True,
                                stdout=subprocess.PIPE, text=True).stdout
        exported = {line.split()[2] for line in listed.splitlines()}
        entry_points = {name + suffix for name in FUNCTIONS for suffix in ("", "_init", "_deinit")}
        entry_points |= {"gman_sum_clear", "gman_sum_add", "gman_sum_reset"}
        entry_points -= {"gman_version_deinit"}
        self.assertEqual(exported, entry_points)

    def test_stays_loaded_and_links_no_database_library(self):
        dynamic = subprocess.run(["readelf", "-dW", PLUGIN], check=True, stdout=subprocess.PIPE,
                                 text=True).stdout
        self.assertRegex(dynamic, r"FLAGS_1.*NODELETE")
        self.assertNotRegex(dynamic, r"NEEDED.*(mariadb|mysql|toml)")


class Scripts(unittest.TestCase):
    def installed(self, server):
        return set(server.sql("SELECT name FROM mysql.func").splitlines())

    def test_install_and_uninstall_can_be_run_again(self):
        uninstall = (ROOT / "sql/mariadb/uninstall.sql").read_text()
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

    def test_the_script_for_mysql_runs_here_too(self):
        with database("127.0.0.1:1") as server:
            for _ in range(2):
                server.sql((ROOT / "sql/mysql/install.sql").read_text())
                self.assertEqual(self.installed(server), FUNCTIONS)

    def test_the_example_trigger_sends_a_job_for_each_row(self):
        example = (ROOT / "sql/mariadb/example_trigger.sql").read_text()
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

    def test_keeps_at_most_64_idle_connections(self):
        sessions = 70
        all_there = threading.Barrier(sessions)

        def answer_when_all_have_asked(connection):
            read_job(connection)
            all_there.wait(60)
            respond(connection, wire.JOB_CREATED, "H:test:1")
            read_job(connection)  # raises once the pool closes the connection

        with ScriptedServer(answer_when_all_have_asked) as jobs, database(jobs.address) as server:
            clients = [server.popen_sql("SELECT gman_do_background('f', 'w')")
                       for _ in range(sessions)]
            for client in clients:
                self.assertEqual(client.communicate(timeout=60), (b"H:test:1\n", b""))
            with jobs.changed:
                self.assertTrue(jobs.changed.wait_for(lambda: jobs.ended == sessions - 64, 10))
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
