# SPDX-License-Identifier: BSD-3-Clause
"""Generated triggers: what CALL gman.trigger_sql prints, what `gman sql watch` makes, and which
jobs come of it."""
import unittest
import urllib.parse

from fixture import RecordingServer, database
from gman_command import gman
from mariadb import SqlError


class TriggersTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.jobs = cls.enterClassContext(RecordingServer())
        cls.database = cls.enterClassContext(database(cls.jobs.address))
        cls.database.sql(cls.database.script("outbox.sql") + cls.database.script("trigger.sql"))
        cls.url = f"mysql://root@localhost/test?socket={urllib.parse.quote(cls.database.socket)}"

    def setUp(self):
        self.sql("DROP DATABASE IF EXISTS shop; CREATE DATABASE shop; DELETE FROM gman.outbox;"
                 "CREATE TABLE shop.page (id INT AUTO_INCREMENT PRIMARY KEY,"
                 " url VARCHAR(100) CHARACTER SET latin1, size INT)")
        self.jobs.requests.clear()

    def sql(self, text, **options):
        return self.database.sql(text, **options)

    def make(self, delivery, table="shop.page", function="index_url", column="url"):
        """As the manual says: what the procedure prints goes into another client."""
        call = f"CALL gman.trigger_sql('{table}', '{function}', '{column}', '{delivery}')"
        client = self.database.popen_sql(call, options=["--raw"])
        printed, err = client.communicate(timeout=60)
        if client.returncode != 0:
            raise SqlError(err.decode())
        self.sql(printed.decode())
        return printed.decode()

    def in_outbox(self):
        return self.sql("SELECT CONCAT(function_name, ' ', workload) FROM gman.outbox ORDER BY id"
                        ).splitlines()

    def sent(self):
        return [f"{function.decode()} {workload.decode()}"
                for _, function, _, workload in self.jobs.requests]

    def triggers(self):
        return self.sql("SELECT TRIGGER_NAME FROM information_schema.TRIGGERS"
                        " WHERE TRIGGER_SCHEMA = 'shop' ORDER BY 1").splitlines()


class Printed(TriggersTest):
    def test_each_new_and_each_changed_row_makes_a_job(self):
        for delivery, made in (("outbox", self.in_outbox), ("immediate", self.sent)):
            with self.subTest(delivery=delivery):
                self.setUp()
                self.make(delivery)
                self.sql("INSERT INTO shop.page (url, size) VALUES ('http://a/', 1), ('é', 2);"
                         "UPDATE shop.page SET size = 3; UPDATE shop.page SET url = url;"
                         "UPDATE shop.page SET url = 'http://A/' WHERE url = 'http://a/'")
                self.assertEqual(made(), ["index_url http://a/", "index_url é",
                                          "index_url http://A/"])

    def test_a_null_makes_no_job(self):
        self.make("outbox")
        self.sql("INSERT INTO shop.page (url) VALUES (NULL), ('a');"
                 "UPDATE shop.page SET url = NULL;"
                 "UPDATE shop.page SET url = 'b' WHERE id = 1")
        self.assertEqual(self.in_outbox(), ["index_url a", "index_url b"])

    def test_every_way_to_write_a_row_makes_its_job(self):
        self.make("outbox")
        self.sql("ALTER TABLE shop.page ADD UNIQUE (url)")
        self.sql("INSERT INTO shop.page (url) SELECT seq FROM seq_1_to_3;"
                 "REPLACE INTO shop.page (url) VALUES ('1');"
                 "INSERT INTO shop.page (url) VALUES ('2')"
                 " ON DUPLICATE KEY UPDATE url = 'two'", database="test")
        rows = self.database.directory / "rows"
        rows.write_text("loaded\t5\n\\N\t6\n")
        rows.chmod(0o644)
        self.sql(f"LOAD DATA INFILE '{rows}' INTO TABLE shop.page (url, size)")
        self.assertEqual(self.in_outbox(), [f"index_url {url}" for url in
                                            ("1", "2", "3", "1", "two", "loaded")])

    def test_a_session_can_switch_them_off(self):
        for delivery, made in (("outbox", self.in_outbox), ("immediate", self.sent)):
            with self.subTest(delivery=delivery):
                self.setUp()
                self.make(delivery)
                self.sql("SET @gman_off = 1; INSERT INTO shop.page (url) VALUES ('off');"
                         "UPDATE shop.page SET url = 'still off'; SET @gman_off = NULL;"
                         "INSERT INTO shop.page (url) VALUES ('on'); SET @gman_off = 1;"
                         "INSERT INTO shop.page (url) VALUES ('off'); SET @gman_off = 0;"
                         "INSERT INTO shop.page (url) VALUES ('on again')")
                self.assertEqual(made(), ["index_url on", "index_url on again"])

    def test_the_outbox_goes_with_its_transaction(self):
        self.make("outbox")
        self.sql("START TRANSACTION; INSERT INTO shop.page (url) VALUES ('lost'); ROLLBACK;"
                 "START TRANSACTION; INSERT INTO shop.page (url) VALUES ('kept'); COMMIT")
        self.assertEqual(self.in_outbox(), ["index_url kept"])

    def test_the_session_s_last_insert_id_stays_the_table_s(self):
        self.make("outbox")
        self.sql("INSERT INTO gman.outbox (function_name, workload) SELECT 'other', seq"
                 " FROM seq_1_to_50", database="test")
        self.assertEqual(self.sql("INSERT INTO shop.page (url) VALUES ('a');"
                                  "SELECT LAST_INSERT_ID()"), "1")

    def test_making_them_again_replaces_them(self):
        self.make("immediate")
        self.make("outbox")
        self.assertRegex(" ".join(self.triggers()), "^gman_page_url_index_url_i[0-9a-f]{15} "
                                                    "gman_page_url_index_url_u[0-9a-f]{15}$")
        self.sql("INSERT INTO shop.page (url) VALUES ('a')")
        self.assertEqual((self.in_outbox(), self.sent()), (["index_url a"], []))

    def test_tables_columns_and_functions_do_not_get_in_each_other_s_way(self):
        self.sql("CREATE TABLE shop.`odd``name.x` (`c``1` INT, `é` VARCHAR(9))")
        for column in ("c`1", "é"):
            self.make("outbox", "shop.odd`name.x", "a/b:c-d", column)
        self.make("outbox")
        self.make("outbox", function="f" * 512)
        self.assertEqual(len(self.triggers()), 8)
        self.sql("INSERT INTO shop.`odd``name.x` VALUES (7, 'seven');"
                 "INSERT INTO shop.page (url) VALUES ('a')")
        self.assertEqual(sorted(self.in_outbox()),
                         sorted(["a/b:c-d 7", "a/b:c-d seven", "index_url a", "f" * 512 + " a"]))

    def test_names_that_read_alike_are_different_triggers(self):
        self.sql("CREATE TABLE shop.`order` (item_id INT); CREATE TABLE shop.order_item (id INT)")
        made = (("shop.order", "item_id", "f"), ("shop.order_item", "id", "f"),
                ("shop.page", "url", "page"), ("shop.page", "url", "page_changed"))
        for table, column, function in made:
            self.make("outbox", table, function, column)
        self.assertEqual(len(self.triggers()), 2 * len(made))

    def test_what_cannot_be_meant_is_refused(self):
        for changed, words in (({"table": "page"}, "with its schema"),
                               ({"table": "shop.paeg"}, "no column shop.paeg.url"),
                               ({"column": "ulr"}, "no column shop.page.ulr"),
                               ({"function": "x; DROP TABLE page"}, "letters, digits"),
                               ({"function": ""}, "letters, digits"),
                               ({"function": "f" * 513}, "letters, digits"),
                               ({"delivery": "commit"}, "give outbox or immediate")):
            with self.subTest(changed=changed), self.assertRaisesRegex(SqlError, words):
                self.make(**{"delivery": "outbox", **changed})
        self.assertEqual(self.triggers(), [])

    def test_can_be_installed_again_and_taken_away(self):
        self.make("outbox")
        for _ in range(2):
            self.sql(self.database.script("trigger_uninstall.sql"))
        self.assertEqual(len(self.triggers()), 2)
        self.sql("INSERT INTO shop.page (url) VALUES ('a')")
        self.assertEqual(self.in_outbox(), ["index_url a"])
        for _ in range(2):
            self.sql(self.database.script("trigger.sql"))
        self.make("outbox")


class Watch(TriggersTest):
    def watch(self, *words, seconds=60):
        return gman("sql", "watch", *words, extra={"GMAN_DATABASE": self.url}, seconds=seconds)

    def test_makes_the_triggers(self):
        self.assertEqual(self.watch("shop.page", "index_url", "url").returncode, 0)
        self.sql("INSERT INTO shop.page (url) VALUES ('a')")
        self.assertEqual(self.in_outbox(), ["index_url a"])
        self.assertEqual(
            gman("sql", "watch", "--immediate", "-d", self.url, "shop.page", "index_url", "url"
                 ).returncode, 0)
        self.sql("UPDATE shop.page SET url = 'b'")
        self.assertEqual((self.in_outbox(), self.sent()), (["index_url a"], ["index_url b"]))

    def test_a_dry_run_prints_what_the_procedure_prints_and_changes_nothing(self):
        done = self.watch("--dry-run", "shop.page", "index_url", "url")
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(self.triggers(), [])
        self.sql(done.stdout.decode())
        self.assertEqual(len(self.triggers()), 2)

    def test_says_what_is_wrong_and_what_to_do(self):
        done = self.watch("shop.paeg", "index_url", "url")
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("no column shop.paeg.url", done.stderr)
        self.sql(self.database.script("trigger_uninstall.sql"))
        done = self.watch("shop.page", "index_url", "url")
        self.sql(self.database.script("trigger.sql"))
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("sql/mysql/trigger.sql", done.stderr)
        done = gman("sql", "watch", "-d", "mysql://root@127.0.0.1:1/x", "shop.page", "f", "url")
        self.assertEqual(done.returncode, 3, done)
        done = gman("sql", "watch", "-d", "redis://localhost", "shop.page", "f", "url")
        self.assertNotEqual(done.returncode, 0, done)
        self.assertIn("mysql://", done.stderr)
        for words in ((), ("watch",), ("watch", "shop.page"), ("wach", "a", "b", "c")):
            self.assertEqual(gman("sql", *words).returncode, 2, words)

    def test_explains_itself(self):
        text = gman("sql", "watch", "--help").stdout.decode()
        self.assertIn("\nExamples:\n  gman sql watch", text)
        self.assertIn("Exit codes: 0 ", text)
        self.assertEqual([line for line in text.split("\n") if len(line) > 100], [])


if __name__ == "__main__":
    unittest.main()
