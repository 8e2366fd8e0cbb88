# SPDX-License-Identifier: BSD-3-Clause
"""The functions of schema gman: who may call them, and what goes in and comes out."""
import time
import unittest

import wire
from fixture import FunctionsCase, RecordingServer, database, fail, json_told
from mariadb import SqlError

WRAPPERS = {"do", "do_high", "do_low", "do_background", "do_high_background", "do_low_background",
            "do_at", "do_json", "job_status", "cancel", "last_error", "ping", "servers_get",
            "version"}


class Schema(unittest.TestCase):
    def test_its_character_set_is_ours_whoever_made_it(self):
        with RecordingServer() as jobs, database(jobs.address) as server:
            server.sql("CREATE DATABASE gman CHARACTER SET latin1")
            for name in ("wrappers.sql", "outbox.sql", "trigger.sql"):
                server.sql(server.script(name))
            self.assertEqual(server.sql("SELECT gman.do('f', 'é😀')"), "é😀")
            self.assertEqual(server.sql(
                "CALL gman.enqueue('f', 'w', '{\"unique\": \"é😀\"}');"
                "SELECT unique_key FROM gman.outbox"), "é😀")


class Wrappers(FunctionsCase):
    jobs = {
        "reverse": lambda workload: workload.decode()[::-1].encode(),
        "hex": lambda workload: workload.hex().encode(),
        "latin1": lambda workload: "é".encode("latin-1"),
        "nothing": lambda workload: b"",
        "fail": fail,
    }

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.database.sql(cls.database.script("wrappers.sql"))
        for user, role in (("caller", "gman_caller"), ("submitter", "gman_submitter"),
                           ("dba", "gman_operator")):
            cls.database.sql(f"CREATE USER {user}@localhost; GRANT {role} TO {user}@localhost;"
                             f"SET DEFAULT ROLE {role} FOR {user}@localhost")
        cls.database.sql("CREATE USER stranger@localhost")

    def as_user(self, user, statement):
        return self.database.sql(statement, user=user)

    def test_text_goes_in_and_comes_out_as_utf8mb4(self):
        self.assertEqual(self.sql("SELECT gman.do('reverse', 'é😀')"), "😀é")
        self.assertEqual(self.sql("SELECT gman.do('hex', CONVERT('é' USING latin1))"), "c3a9")
        self.assertEqual(self.sql("SELECT CHARSET(gman.do('reverse', 'x'))"), "utf8mb4")
        for name in ("do_background('f', 'w')", "do_at('f', 'w', NOW())", "ping()", "version()",
                     "do_json('reverse', 'w', NULL)", "servers_get(NULL)"):
            self.assertEqual(self.sql(f"SELECT CHARSET(gman.{name})"), "utf8mb4", name)

    def test_a_result_that_is_no_utf8_is_an_error(self):
        self.fails("SELECT gman.do('latin1', 'x')", "ERROR 1366")

    def test_each_calls_its_namesake(self):
        for name in ("do", "do_high", "do_low"):
            self.assertEqual(self.sql(f"SELECT gman.{name}('reverse', 'ab')"), "ba")
        for name in ("do_background", "do_high_background", "do_low_background"):
            self.assertRegex(self.sql(f"SELECT gman.{name}('reverse', 'ab')"), "^H:")
        self.assertEqual(self.sql("SELECT gman.do_json('reverse', 'ab', '{\"priority\":\"low\"}')"),
                         "ba")
        self.assertEqual(self.sql("SELECT gman.do('nothing', 'ab')"), "NULL")
        self.assertEqual(self.sql("SELECT gman.version() = gman_version()"), "1")
        self.assertEqual(self.sql("SELECT gman.servers_get('f')"), self.gmand.address)
        self.assertIn(self.gmand.address, self.sql("SELECT gman.ping()"))

    def test_do_at_takes_a_time_of_the_session(self):
        for zone in ("+00:00", "+05:30", "-08:00"):
            with self.subTest(zone=zone):
                function = f"at{zone}"
                began = time.time()
                self.sql(f"SET time_zone = '{zone}';"
                         f"SELECT gman.do_at('{function}', 'w', NOW(6) + INTERVAL 0.4 SECOND)")
                with wire.Peer(self.gmand.address) as worker:
                    worker.send(wire.CAN_DO, function)
                    worker.grab()
                self.assertGreaterEqual(time.time() - began, 0.4)
        self.fails("SELECT gman.do_at('f', 'w', '2039-01-01')", "not between 1970 and 2038")
        self.fails("SELECT gman.do_at('f', 'w', NULL)", "1644", "run_at")

    def test_errors_come_through(self):
        self.fails("SELECT gman.do('fail', 'w')", "ERROR 1644", "gman_do")
        self.fails("SELECT gman.do(NULL, 'w')", "ERROR 1644", "function", "NULL")
        self.fails("SELECT gman.do_background('f', NULL)", "ERROR 1644", "workload", "NULL")
        self.fails(f"SELECT gman.do_background('{'f' * 513}', 'w')", "ERROR 1644", "512")
        client = self.database.popen_sql("SELECT gman.do('fail', 'w'); SELECT gman.last_error()",
                                         options=["--force"])
        out, _ = client.communicate(timeout=60)
        self.assertEqual(json_told(out.decode())["function"], "gman_do")

    def test_an_account_may_do_what_its_role_allows_and_no_more(self):
        allowed = {
            "caller": ("do('reverse', 'w')", "do_json('reverse', 'w', NULL)",
                       "do_background('f', 'w')", "last_error()", "job_status('H:x:1')"),
            "submitter": ("do_background('f', 'w')", "do_at('f', 'w', NOW())", "last_error()",
                          "job_status('H:x:1')"),
            "dba": ("ping()", "servers_get(NULL)", "version()", "job_status('H:x:1')",
                    "cancel('H:x:1')"),
        }
        denied = {
            "caller": ("ping()", "cancel('H:x:1')"), "submitter": ("do('reverse', 'w')", "ping()"),
            "dba": ("do('reverse', 'w')", "do_background('f', 'w')"),
            "stranger": ("do('reverse', 'w')", "do_background('f', 'w')", "last_error()"),
        }
        for user, calls in allowed.items():
            for call in calls:
                with self.subTest(user=user, call=call):
                    self.as_user(user, f"SELECT gman.{call}")
        for user, calls in denied.items():
            for call in calls:
                with self.subTest(user=user, call=call), \
                        self.assertRaisesRegex(SqlError, "denied"):
                    self.as_user(user, f"SELECT gman.{call}")

    def test_work_in_triggers_events_procedures_and_prepared_statements(self):
        self.sql("CREATE OR REPLACE TABLE t (id INT, job VARCHAR(255)) ENGINE = InnoDB;"
                 "CREATE TRIGGER t_sends BEFORE INSERT ON t FOR EACH ROW"
                 " SET NEW.job = gman.do_background('from_trigger', NEW.id);"
                 "INSERT INTO t (id) SELECT seq FROM seq_1_to_3;"
                 "PREPARE p FROM 'SELECT gman.do(?, ?)'; SET @f = 'reverse', @w = 'ab'")
        self.assertEqual(self.sql("SELECT COUNT(DISTINCT job) FROM t"), "3")
        self.assertEqual(self.sql("PREPARE p FROM 'SELECT gman.do(?, ?)';"
                                  "SET @f = 'reverse', @w = 'ab'; EXECUTE p USING @f, @w"), "ba")
        self.sql("SET GLOBAL event_scheduler = ON;"
                 "CREATE EVENT soon ON SCHEDULE AT NOW()"
                 " DO SET @job = gman.do_background('from_event', 'w')")
        self.gmand.wait_admin("status", lambda answer: "from_event\t1\t" in answer)

    def test_can_be_installed_again_and_taken_away(self):
        def there():
            return set(self.sql("SELECT ROUTINE_NAME FROM information_schema.ROUTINES"
                                " WHERE ROUTINE_SCHEMA = 'gman'").splitlines())
        self.database.sql(self.database.script("wrappers.sql"))
        self.assertEqual(there(), WRAPPERS)
        self.as_user("caller", "SELECT gman.do('reverse', 'w')")
        for _ in range(2):
            self.database.sql(self.database.script("wrappers_uninstall.sql"))
            self.assertEqual(there(), set())
        self.database.sql(self.database.script("wrappers.sql"))
        for user, role in (("caller", "gman_caller"), ("submitter", "gman_submitter")):
            self.database.sql(f"GRANT {role} TO {user}@localhost;"
                              f"SET DEFAULT ROLE {role} FOR {user}@localhost")


if __name__ == "__main__":
    unittest.main()
