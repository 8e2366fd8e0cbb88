# SPDX-License-Identifier: BSD-3-Clause
"""What a failure means for its statement, by policy; and what gman_last_error() remembers of it."""
import unittest

from fixture import FunctionsCase, database, dead_address, fail, json_told
from mariadb import SqlError

TRIGGER = """
    CREATE TABLE t (id INT PRIMARY KEY) ENGINE = InnoDB;
    CREATE TRIGGER t_sends AFTER INSERT ON t FOR EACH ROW
      SET @job = gman_do_background('f', NEW.id)"""


class Policy(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.address = dead_address()
        cls.servers = {policy: cls.enterClassContext(database(
            cls.address, env={"GMAN_ON_ERROR": policy})) for policy in ("warning", "null")}
        for server in cls.servers.values():
            server.sql("SET GLOBAL sql_mode = 'STRICT_ALL_TABLES';" + TRIGGER, database="test")

    def ask(self, policy, statements):
        return self.servers[policy].sql(statements, database="test")

    def test_warning_makes_null_and_a_line_in_show_warnings(self):
        for call in ("gman_do('f', 'w')", "gman_do_background('f', 'w')", "gman_ping()",
                     "gman_sum('f', 'w')", "gman_do_json('f', 'w', NULL)",
                     "gman_do_background('f', NULL)", "gman_servers_set('x')"):
            with self.subTest(call=call):
                shown = self.ask("warning", f"SELECT {call}; SHOW WARNINGS")
                name = call[:call.index("(")]
                self.assertRegex(shown, rf"^NULL\n\w+\t1644\t{name}: ")

    def test_null_makes_null_without_a_word(self):
        self.assertEqual(self.ask("null", "SELECT gman_do('f', 'w'); SHOW WARNINGS"), "NULL")
        self.assertEqual(self.ask("null", "SELECT gman_sum('f', 'w'); SHOW WARNINGS"), "NULL")

    def test_neither_costs_the_row_whose_trigger_failed_in_strict_mode_either(self):
        for policy in ("warning", "null"):
            with self.subTest(policy=policy):
                self.ask(policy, "INSERT INTO t VALUES (1), (2);"
                                 "CREATE OR REPLACE TABLE kept (job VARCHAR(99));"
                                 "INSERT INTO kept VALUES (gman_do_background('f', 'w'))")
                self.assertEqual(self.ask(policy, "SELECT (SELECT COUNT(*) FROM t),"
                                                  " (SELECT COUNT(*) FROM kept)"), "2\t1")

    def test_every_row_is_tried(self):
        self.assertEqual(self.ask("null", "SELECT gman_do('f', seq) FROM seq_1_to_3"),
                         "NULL\nNULL\nNULL")

    def test_a_wrong_call_is_an_error_before_any_policy(self):
        with self.assertRaisesRegex(SqlError, "two or three arguments"):
            self.ask("null", "SELECT gman_do('f')")

    def test_gman_last_error_knows_what_was_hidden(self):
        failure = json_told(self.ask("null", "SET @r = gman_do('f', 'w');"
                                             "SELECT gman_last_error()"))
        self.assertEqual(failure["function"], "gman_do")
        self.assertEqual(failure["status"], "GMAN_UNREACHABLE")
        self.assertIn(self.address, failure["message"])
        self.assertRegex(failure["at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")


class LastError(FunctionsCase):
    jobs = {
        "same": lambda workload: workload,
        "fail": fail,
    }

    def errors_after(self, statements):
        """Of one session, whose statements may fail."""
        client = self.database.popen_sql(statements + "; SELECT gman_last_error()",
                                         database="test", options=["--force"])
        out, _ = client.communicate(timeout=60)
        return out.decode().splitlines()

    def test_is_null_before_the_first_and_stays_after_what_goes_well(self):
        self.assertEqual(self.sql("SELECT gman_last_error()"), "NULL")
        lines = self.errors_after("SELECT gman_do('fail', 'w'); SELECT gman_do('same', 'well')")
        self.assertEqual(lines[0], "well")
        self.assertEqual(json_told(lines[1])["status"], "GMAN_JOB_FAILED")
        self.fails("SELECT gman_last_error(1)", "no arguments")

    def test_is_the_last_one(self):
        lines = self.errors_after("SELECT gman_do('fail', 'w'); SELECT gman_do(NULL, 'w')")
        self.assertEqual(json_told(lines[0])["status"], "GMAN_INVALID_ARGUMENT")

    def test_names_the_server_of_a_job_that_failed(self):
        lines = self.errors_after("SELECT gman_do('fail', 'w')")
        self.assertEqual(json_told(lines[0])["server"], self.gmand.address)

    def test_is_json_whatever_the_message_quotes(self):
        lines = self.errors_after("SELECT gman_sum('same', UNHEX('22C3285C0A'))")
        self.assertIn("no 64-bit integer", json_told(lines[0])["message"])

    def test_is_each_session_s_own(self):
        first = self.database.popen_sql(database="test", options=["--force"])
        self.addCleanup(first.communicate)
        first.stdin.write(b"SELECT gman_do('fail', 'w'); SELECT 1;\n")
        first.stdin.flush()
        self.assertEqual(first.stdout.readline(), b"1\n")
        self.assertEqual(self.sql("SELECT gman_last_error()"), "NULL")
        first.stdin.write(b"SELECT gman_last_error();\n")
        first.stdin.flush()
        self.assertEqual(json_told(first.stdout.readline().decode())["function"], "gman_do")

    def test_a_handler_in_a_procedure_finds_it(self):
        self.sql("DELIMITER //\nCREATE OR REPLACE PROCEDURE p() BEGIN"
                 " DECLARE EXIT HANDLER FOR 1644 SELECT gman_last_error();"
                 " SET @r = gman_do('fail', 'w'); END //\nDELIMITER ;")
        self.assertEqual(json_told(self.sql("CALL p()"))["status"], "GMAN_JOB_FAILED")


if __name__ == "__main__":
    unittest.main()
