# SPDX-License-Identifier: BSD-3-Clause
"""What the outbox promises in SQL, the same for every database: a test file for each makes a class
of this with its `database_class`."""
import contextlib


class OutboxTest:
    """A base of test cases: one database for all of a class, an empty outbox for each."""

    database_class = None

    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.database = cls.stack.enter_context(cls.database_class())
        cls.addClassCleanup(cls.stack.close)

    def setUp(self):
        self.database.sql("DELETE FROM gman.outbox; DELETE FROM gman.outbox_pause")

    def operate(self, call):
        word = "SELECT" if self.database.kind == "postgres" else "CALL"
        return self.database.sql(f"{word} gman.{call}")


class OutboxCases(OutboxTest):
    error_class = None

    def assert_refused(self, words, *job, **options):
        with self.assertRaises(self.error_class) as raised:
            self.database.enqueue(*job, **options)
        self.assertIn(words, str(raised.exception))

    def test_a_job_without_a_unique_is_named_by_database_and_row(self):
        unique = self.database.enqueue("f", "w")
        row = self.database.sql("SELECT max(id) FROM gman.outbox")
        uuid = self.database.sql("SELECT database_uuid FROM gman.outbox_setting")
        self.assertEqual(unique, f"{uuid}:{row}")
        self.assertLessEqual(len(uuid) + len(":18446744073709551615"), 64)

    def test_a_unique_of_64_bytes_is_kept_and_one_of_65_is_hashed(self):
        self.assertEqual(self.database.enqueue("f", "w", unique_key="k" * 64), "k" * 64)
        hashed = self.database.enqueue("f", "w", unique_key="k" * 65)
        self.assertRegex(hashed, "^[0-9a-f]{64}$")
        self.assertNotEqual(hashed, self.database.enqueue("f", "w", unique_key="k" * 66))

    def test_rollback_leaves_nothing_and_commit_everything(self):
        job = self.database.enqueue_sql("f", "w")
        self.database.sql(f"START TRANSACTION; {job} ROLLBACK;")
        self.assertEqual(self.database.count(), 0)
        self.database.sql(f"START TRANSACTION; {job} SAVEPOINT s; {job} ROLLBACK TO SAVEPOINT s; "
                          "COMMIT;")
        self.assertEqual(self.database.count(), 1)

    def test_bad_jobs_are_refused_and_told_what_to_give(self):
        self.assert_refused("the function is NULL", None, "w")
        self.assert_refused("the workload is NULL", "f", None)
        self.assert_refused("has 0 bytes", "", "w")
        self.assert_refused("has 513 bytes", "f" * 513, "w")
        self.assert_refused("is no priority", "f", "w", priority="urgent")
        self.assert_refused("is no delivery", "f", "w", delivery="exactly once")
        self.assert_refused("the unique is empty", "f", "w", unique_key="")
        self.database.enqueue("f" * 512, "w")
        self.assertEqual(self.database.count(), 1)

    def test_the_table_itself_refuses_what_no_job_server_would_take(self):
        for column, value in (("function_name", "''"), ("function_name", f"'{'f' * 513}'"),
                              ("unique_key", "''"), ("unique_key", f"'{'k' * 65}'")):
            with self.subTest(column=column), self.assertRaises(self.error_class):
                columns = {"function_name": "'f'", "workload": "''", column: value}
                self.database.sql(f"INSERT INTO gman.outbox ({', '.join(columns)}) "
                                  f"VALUES ({', '.join(columns.values())})")

    def test_installing_twice_keeps_what_is_there(self):
        self.database.enqueue("f", "w")
        uuid = self.database.sql("SELECT database_uuid FROM gman.outbox_setting")
        self.database.install()
        self.assertEqual(self.database.count(), 1)
        self.assertEqual(self.database.sql("SELECT database_uuid FROM gman.outbox_setting"), uuid)

    def test_uninstalling_refuses_while_there_are_jobs_and_can_be_followed_by_an_install(self):
        self.database.enqueue("f", "w")
        with self.assertRaisesRegex(self.error_class, "still holds jobs"):
            self.database.sql(self.database.script("outbox_uninstall.sql"))
        self.assertEqual(self.database.count(), 1)
        self.database.sql("DELETE FROM gman.outbox")
        self.database.sql(self.database.script("outbox_uninstall.sql"))
        self.database.install()
        self.database.enqueue("f", "w")

    def test_a_renewed_uuid_names_new_jobs(self):
        before = self.database.enqueue("f", "w")
        self.operate("renew_uuid()")
        after = self.database.enqueue("f", "w")
        self.assertNotEqual(before.split(":")[0], after.split(":")[0])

    def test_pause_and_resume_are_rows_that_can_be_seen(self):
        self.operate("pause('f')")
        self.operate("pause('f')")
        self.assertEqual(self.database.sql("SELECT function_name FROM gman.outbox_pause"), "f")
        self.operate("resume('f')")
        self.assertEqual(self.database.sql("SELECT function_name FROM gman.outbox_pause"), "")
        with self.assertRaisesRegex(self.error_class, "no function is named"):
            self.operate("pause('')")

    def die(self, where="TRUE"):
        self.database.sql("UPDATE gman.outbox SET state = 'dead', attempts = 9, "
                          f"last_error = 'why' WHERE {where}")

    def test_retry_brings_a_dead_job_back_and_says_what_it_cannot(self):
        self.database.enqueue("f", "w")
        self.die()
        row = self.database.sql("SELECT id FROM gman.outbox_dead")
        self.operate(f"retry({row})")
        self.assertEqual(self.database.rows("SELECT state, attempts FROM gman.outbox"),
                         [["ready", "0"]])
        self.database.lease()
        with self.assertRaisesRegex(self.error_class, f"a relay has job {row}"):
            self.operate(f"retry({row})")
        with self.assertRaisesRegex(self.error_class, "there is no job 999999"):
            self.operate("retry(999999)")

    def test_all_dead_jobs_of_a_function_can_be_tried_again(self):
        for function in ("f", "f", "g"):
            self.database.enqueue(function, "w")
        self.die()
        self.operate("retry_dead('f')")
        self.assertEqual(self.database.count("state = 'dead'"), 1)
        self.operate("retry_dead(NULL)")
        self.assertEqual(self.database.count("state = 'dead'"), 0)

    def test_statistics_say_what_waits_for_what(self):
        for function in ("due", "dead", "leased", "retrying"):
            self.database.enqueue(function, "w")
        self.database.enqueue("scheduled", "w", run_at="2030-01-01 00:00:00")
        self.die("function_name = 'dead'")
        self.database.lease("function_name = 'leased'")
        self.database.sql("UPDATE gman.outbox SET attempts = 1, run_at = '2030-01-01'"
                          " WHERE function_name = 'retrying'")
        self.operate("pause('due')")
        rows = self.database.rows(
            "SELECT function_name, due, scheduled, retrying, leased, dead FROM gman.outbox_stats "
            "ORDER BY function_name")
        self.assertEqual(rows, [["dead", "0", "0", "0", "0", "1"], ["due", "1", "0", "0", "0", "0"],
                                ["leased", "0", "0", "0", "1", "0"],
                                ["retrying", "0", "0", "1", "0", "0"],
                                ["scheduled", "0", "1", "0", "0", "0"]])
        self.assertEqual(
            self.database.count("1 = 1 AND EXISTS (SELECT 1 FROM gman.outbox_stats AS s WHERE "
                                "s.function_name = 'due' AND s.is_paused)"), 5)

    def test_a_dump_holds_jobs_and_procedures_and_can_be_restored(self):
        unique = self.database.enqueue("f", "binary: é", priority="high", delivery="completion")
        dump = self.database.dump()
        self.database.sql("DELETE FROM gman.outbox")
        self.database.sql(self.database.script("outbox_uninstall.sql"))
        self.database.sql(dump)
        self.assertEqual(self.database.rows("SELECT function_name, priority, delivery, workload = "
                                            f"{self.bytes_of('binary: é')} FROM gman.outbox"),
                         [["f", "high", "completion", self.true]])
        # What comes later is numbered on from there.
        later = self.database.enqueue("f", "w")
        self.assertEqual(later.split(":")[0], unique.split(":")[0])
        self.assertGreater(int(later.split(":")[1]), int(unique.split(":")[1]))
        self.database.install()
