# SPDX-License-Identifier: BSD-3-Clause
"""The outbox in MariaDB: its table, its procedures, its roles, its indexes."""
import json
import time
import unittest

from mariadb import SqlError
from outbox import OutboxMariaDB
from outbox_cases import OutboxCases


class Outbox(OutboxCases, unittest.TestCase):
    database_class = OutboxMariaDB
    error_class = SqlError
    true = "1"

    @staticmethod
    def bytes_of(text):
        return f"CAST('{text}' AS BINARY)"

    def test_the_short_form_takes_function_and_workload(self):
        self.database.sql("CALL gman.enqueue('f', 'w', NULL)")
        self.assertEqual(self.database.rows("SELECT function_name, priority, delivery, workload "
                                            "FROM gman.outbox"), [["f", "normal", "queue", "w"]])

    def test_the_short_form_has_the_limits_and_the_unique_of_the_long_one(self):
        self.assertEqual(self.database.sql(
            f"CALL gman.enqueue('{'f' * 512}', '', NULL); SELECT @gman_unique ="
            " (SELECT CONCAT(database_uuid, ':', id) FROM gman.outbox_setting, gman.outbox)"), "1")
        self.assertEqual(self.database.sql("""
            DELETE FROM gman.outbox;
            CALL gman.enqueue('f', '', NULL);
            CALL gman.renew_uuid();
            CALL gman.enqueue('f', '', NULL);
            SELECT @gman_unique = CONCAT((SELECT database_uuid FROM gman.outbox_setting), ':',
                                         (SELECT MAX(id) FROM gman.outbox))"""), "1")
        self.database.sql("DELETE FROM gman.outbox WHERE workload = '' LIMIT 1")
        for function, workload, words in ((f"'{'f' * 513}'", "'w'", "513 bytes"),
                                          ("''", "'w'", "0 bytes"), ("NULL", "'w'", "is NULL"),
                                          ("'f'", "NULL", "workload is NULL")):
            with self.subTest(words=words), \
                    self.assertRaisesRegex(SqlError, f"gman.enqueue: .*{words}"):
                self.database.sql(f"CALL gman.enqueue({function}, {workload}, NULL)")
        self.assertEqual(self.database.count(), 1)

    def enqueue_with(self, options):
        self.database.sql("DELETE FROM gman.outbox")
        literal = options if isinstance(options, str) else json.dumps(options, ensure_ascii=False)
        self.database.sql(f"CALL gman.enqueue('f', 'w', '{literal}')")
        return self.database.rows(
            "SELECT unique_key, priority, delivery,"
            " TIMESTAMPDIFF(SECOND, created_at, run_at) FROM gman.outbox")[0]

    def test_options_are_a_json_object(self):
        self.assertEqual(self.enqueue_with({}), ["NULL", "normal", "queue", "0"])
        self.assertEqual(self.enqueue_with({"unique": "é", "priority": "high", "delay_s": 90.5,
                                            "delivery": "completion"}),
                         ["é", "high", "completion", "90"])
        self.assertEqual(self.enqueue_with({"unique": None, "run_at": None, "priority": "low"}),
                         ["NULL", "low", "queue", "0"])
        self.assertRegex(self.enqueue_with({"unique": "k" * 65})[0], "^[0-9a-f]{64}$")
        self.enqueue_with({"run_at": 1900000000.25})
        for zone in ("+00:00", "-08:00"):
            self.assertEqual(self.database.sql(
                f"SET time_zone = '{zone}'; SELECT UNIX_TIMESTAMP(run_at) FROM gman.outbox"),
                "1900000000.250000")

    def test_a_delay_is_not_changed_by_summer_time(self):
        begins = int(time.time()) + 1800
        self.database.sql(f"""
            INSERT INTO mysql.time_zone (Time_zone_id) VALUES (900);
            INSERT INTO mysql.time_zone_name VALUES ('Test/Summer', 900);
            INSERT INTO mysql.time_zone_transition_type VALUES (900, 0, 3600, 0, 'WIN'),
                                                               (900, 1, 7200, 1, 'SUM');
            INSERT INTO mysql.time_zone_transition VALUES (900, 1000000000, 0), (900, {begins}, 1);
            SET time_zone = 'Test/Summer';
            CALL gman.enqueue('f', 'w', '{{"delay_s": 3600}}')""")
        self.assertEqual(self.database.sql(
            "SET time_zone = '+00:00'; "
            "SELECT ROUND(TIMESTAMPDIFF(MICROSECOND, created_at, run_at) / 1e6) FROM gman.outbox"),
            "3600")

    def test_options_that_cannot_be_meant_are_refused_by_name(self):
        for options, words in (("{", "no JSON"), ("[]", "no JSON object"), ("5", "no JSON object"),
                               ({"uniqe": "u"}, '"uniqe"'), ({"unique": 5}, '"unique".*text'),
                               ({"unique": ""}, "unique is empty"),
                               ({"priority": "urgent"}, "is no priority"),
                               ({"priority": ["high"]}, '"priority".*text'),
                               ({"delivery": True}, '"delivery".*text'),
                               ({"run_at": "2030-01-01"}, '"run_at".*seconds'),
                               ({"delay_s": False}, '"delay_s".*seconds'),
                               ({"run_at": 1e12}, "not between 1970 and 2038"),
                               ({"run_at": -1}, "not between 1970 and 2038"),
                               ({"delay_s": 1e12}, "."),
                               ({"run_at": 1900000000, "delay_s": 1}, "exclude each other")):
            with self.subTest(options=options), self.assertRaisesRegex(SqlError, words):
                self.enqueue_with(options)
        self.assertEqual(self.database.count(), 0)

    def test_a_time_that_no_timestamp_can_hold_is_refused(self):
        self.assert_refused("run_at is not between 1970 and 2038", "f", "w", run_at="2040-01-01")
        self.database.enqueue("f", "w", run_at="2038-01-17")

    def test_a_trigger_enqueues_in_the_transaction_of_its_row(self):
        self.database.sql("""
            CREATE DATABASE app; USE app; CREATE TABLE page (url VARCHAR(100));
            CREATE TRIGGER page_index AFTER INSERT ON page FOR EACH ROW
              CALL gman.enqueue('index_url', NEW.url, NULL);
            START TRANSACTION; INSERT INTO page VALUES ('lost'); ROLLBACK;
            INSERT INTO page VALUES ('kept')""")
        self.addCleanup(self.database.sql, "DROP DATABASE app")
        self.assertEqual(self.database.sql("SELECT workload FROM gman.outbox"), "kept")

    def test_roles_may_do_their_part_and_no_more(self):
        for user, role in (("app", "gman_enqueuer"), ("relay", "gman_relay"),
                           ("dba", "gman_operator")):
            self.database.sql(f"CREATE USER {user}@localhost; GRANT {role} TO {user}@localhost; "
                              f"SET DEFAULT ROLE {role} FOR {user}@localhost")
            self.addCleanup(self.database.sql, f"DROP USER {user}@localhost")
        self.database.sql("CALL gman.enqueue('f', 'w', NULL)", user="app")
        self.database.sql("CALL gman.pause('f'); CALL gman.resume('f')", user="dba")
        self.database.sql("SELECT count(*) FROM gman.outbox_stats", user="dba")
        self.database.sql("UPDATE gman.outbox SET attempts = 0; DELETE FROM gman.outbox",
                          user="relay")
        for user, statement in (("app", "SELECT * FROM gman.outbox"),
                                ("app", "CALL gman.pause('f')"),
                                ("relay", "UPDATE gman.outbox SET workload = ''"),
                                ("relay", "INSERT INTO gman.outbox (function_name, workload) "
                                          "VALUES ('f', '')"),
                                ("dba", "DELETE FROM gman.outbox")):
            with self.subTest(user=user, statement=statement), \
                    self.assertRaisesRegex(SqlError, "denied"):
                self.database.sql(statement, user=user)

    def test_hundred_thousands_of_rows_of_others_are_in_nobodys_way(self):
        """Paused, scheduled and dead ones: what is due is found by the index all the same."""
        self.database.sql("""
            INSERT INTO gman.outbox (function_name, workload) SELECT 'paused', ''
              FROM gman.seq_1_to_100000;
            INSERT INTO gman.outbox (function_name, workload, run_at)
            SELECT 'f', '', NOW(6) + INTERVAL 1 DAY FROM gman.seq_1_to_100000;
            CALL gman.enqueue('f', 'due', NULL); ANALYZE TABLE gman.outbox""")
        lease = """SELECT id FROM gman.outbox FORCE INDEX (outbox_by_time)
                    WHERE state = 'ready' AND delivery = 'queue' AND function_name = 'f'
                      AND priority = 'normal' AND run_at <= NOW(6)
                    ORDER BY run_at, id LIMIT 1000 FOR UPDATE SKIP LOCKED"""
        self.assertNotIn("filesort", self.database.sql("EXPLAIN " + lease))
        self.assert_reads_at_most(20, lease)
        self.assert_reads_at_most(20, "SELECT gman.due()")

    def test_a_look_is_as_quick_before_the_server_has_counted_the_rows(self):
        """What it believes of a table that has just grown misled the one statement of before."""
        self.database.sql("INSERT INTO gman.outbox (function_name, workload)"
                          " SELECT 'f', '' FROM gman.seq_1_to_20000")
        self.assert_reads_at_most(20, "SELECT gman.due()")

    def assert_reads_at_most(self, rows_max, statement):
        counted = self.database.rows(
            f"FLUSH STATUS; {statement}; SHOW SESSION STATUS LIKE 'Handler_read%'")
        read = sum(int(row[1]) for row in counted if row[0].startswith("Handler_read"))
        self.assertGreater(read, 0)
        self.assertLessEqual(read, rows_max, counted)


if __name__ == "__main__":
    unittest.main()
