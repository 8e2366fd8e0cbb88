# SPDX-License-Identifier: BSD-3-Clause
"""The six gman_do functions: what goes in, what comes out."""
import concurrent.futures
import hashlib
import json
import time
import unittest

import wire
from fixture import MIB, FunctionsCase, RecordingServer, database, fail
from mariadb import SqlError


class Do(FunctionsCase):
    options = ["--max-allowed-packet=256M"]

    jobs = {
        "reverse": lambda workload: workload[::-1],
        "same": lambda workload: workload,
        "hex": lambda workload: workload.hex().encode(),
        "nothing": lambda workload: b"",
        "inflate": lambda workload: b"x" * int(workload),
        "sha256": lambda workload: hashlib.sha256(workload).hexdigest().encode(),
        "fail": fail,
        "f" * 512: lambda workload: b"the longest name",
        "r\xe9sum\xe9": lambda workload: b"utf-8 name",
    }

    def test_runs_a_job_and_returns_its_result(self):
        for function in ("gman_do", "gman_do_high", "gman_do_low"):
            self.assertEqual(self.sql(f"SELECT {function}('reverse', 'Hello')"), "olleH")
            self.assertEqual(self.sql(f"SELECT {function}('reverse', 'Hello', 'u')"), "olleH")

    def test_background_jobs_return_the_handle_at_once(self):
        for function in ("gman_do_background", "gman_do_high_background",
                         "gman_do_low_background"):
            handle = self.sql(f"SELECT {function}('reverse', 'Hello')")
            self.assertRegex(handle, r"^H:.+:\d+$")

    def test_calls_a_row_at_a_time(self):
        self.assertEqual(self.sql("SELECT gman_do('reverse', seq) FROM seq_10_to_13"),
                         "01\n11\n21\n31")

    def test_takes_the_function_from_any_string_expression(self):
        self.sql("CREATE OR REPLACE TABLE names (name TEXT, workload VARBINARY(99));"
                 "INSERT INTO names VALUES ('reverse', 'abc'), ('hex', 'abc')")
        self.assertEqual(self.sql("SELECT gman_do(name, workload) FROM names"), "cba\n616263")
        self.assertEqual(self.sql("SELECT gman_do(CONCAT('rev', 'erse'), 'abc')"), "cba")
        self.assertEqual(self.sql("SET @f = 'reverse'; SELECT gman_do(@f, 'abc')"), "cba")

    def test_nests(self):
        self.assertEqual(self.sql("SELECT gman_do('hex', gman_do('reverse', 'ab'))"), "6261")

    def test_works_in_prepared_statements_with_new_values(self):
        self.assertEqual(
            self.sql("PREPARE p FROM 'SELECT gman_do(?, ?)';"
                     "SET @f = 'reverse', @w = 'abc'; EXECUTE p USING @f, @w;"
                     "SET @f = 'hex', @w = 'N'; EXECUTE p USING @f, @w"), "cba\n4e")

    def test_numbers_travel_as_their_text(self):
        for given, text in (("42", "42"), ("-1.50", "-1.50"), ("2e3", "2000"), ("NULL + 0", None),
                            ("DATE'2026-01-31'", "2026-01-31"), ("TRUE", "1")):
            with self.subTest(given=given):
                if text is None:
                    self.fails(f"SELECT gman_do('same', {given})", "workload", "NULL")
                else:
                    self.assertEqual(self.sql(f"SELECT gman_do('same', {given})"), text)

    def test_bytes_travel_unchanged_both_ways(self):
        every_byte = bytes(range(256)).hex()
        for value in (every_byte, "00", "0000ff00", "5c270a0d1a"):
            with self.subTest(value=value):
                self.assertEqual(self.sql(f"SELECT gman_do('hex', UNHEX('{value}'))"), value)
                self.assertEqual(self.sql(f"SELECT HEX(gman_do('same', UNHEX('{value}')))"),
                                 value.upper())

    def test_text_travels_in_the_bytes_of_its_own_character_set(self):
        self.assertEqual(self.sql("SELECT gman_do('hex', _utf8mb4'é😀')"), "c3a9f09f9880")
        self.assertEqual(self.sql("SELECT gman_do('hex', CONVERT('é' USING latin1))"), "e9")
        self.assertEqual(self.sql("SELECT CHARSET(gman_do('same', 'é'))"), "binary")
        self.assertEqual(self.sql("SELECT CONVERT(gman_do('same', 'é😀') USING utf8mb4)"),
                         "é😀")
        self.assertEqual(self.sql("SELECT gman_do('résumé', '')"), "utf-8 name")

    def test_an_empty_result_is_null(self):
        self.assertEqual(self.sql("SELECT gman_do('nothing', 'x') IS NULL"), "1")
        self.assertEqual(self.sql("SELECT gman_do('same', '') IS NULL"), "1")
        self.assertEqual(self.sql("SELECT gman_do('nothing', seq) IS NULL FROM seq_1_to_2"),
                         "1\n1")

    def test_a_null_function_or_workload_is_an_error_that_names_it(self):
        for name in ("gman_do", "gman_do_background"):
            self.fails(f"SELECT {name}(NULL, 'x')", "1644", name, "function", "NULL")
            self.fails(f"SELECT {name}('f', NULL)", "1644", name, "workload", "NULL", "COALESCE")

    def test_wrong_arguments_are_refused_with_the_reason(self):
        self.fails("SELECT gman_do('f')", "two or three arguments")
        self.fails("SELECT gman_do('f', 'w', 'u', 'x')", "two or three arguments")
        self.fails("SELECT gman_do()", "two or three arguments")
        self.fails("SELECT gman_do(1, 'w')", "First argument", "string")

    def test_a_function_name_of_512_bytes_is_taken_and_one_of_513_refused(self):
        self.assertEqual(self.sql(f"SELECT gman_do('{'f' * 512}', '')"), "the longest name")
        self.fails(f"SELECT gman_do('{'f' * 513}', '')", "1644", "function", "512")
        self.fails("SELECT gman_do('', 'w')", "1644", "function")
        self.fails("SELECT gman_do(UNHEX('660067'), 'w')", "1644", "function", "NUL")

    def test_results_of_17_and_of_64_mib_arrive_whole(self):
        for size in (17 * MIB, 64 * MIB):
            with self.subTest(size=size):
                self.assertEqual(self.sql(f"SELECT LENGTH(gman_do('inflate', {size}))"),
                                 str(size))
                self.assertEqual(len(self.sql(f"SELECT gman_do('inflate', {size})")), size)

    def test_a_workload_of_64_mib_is_taken_and_one_byte_more_refused(self):
        size = 64 * MIB
        digest = hashlib.sha256(b"w" * size).hexdigest()
        self.assertEqual(self.sql(f"SELECT gman_do('sha256', REPEAT('w', {size}))"), digest)
        self.fails(f"SELECT gman_do('sha256', REPEAT('w', {size + 1}))", "1644", "workload",
                   str(size))

    def test_a_result_can_be_stored_whole(self):
        self.assertEqual(
            self.sql("CREATE OR REPLACE TABLE kept AS SELECT gman_do('inflate', 70000) AS result,"
                     " gman_do_background('same', 'w') AS handle;"
                     "SELECT LENGTH(result), LEFT(handle, 2) = 'H:' FROM kept"), "70000\t1")

    def test_a_job_that_fails_is_an_error(self):
        self.fails("SELECT gman_do('fail', 'w')", "1644", "gman_do", "fail")

    def test_one_failed_row_fails_the_statement(self):
        self.sql("CREATE OR REPLACE TABLE kept (id INT)")
        self.fails("INSERT INTO kept SELECT gman_do(IF(seq = 3, 'fail', 'same'), seq)"
                   " FROM seq_1_to_5", "1644")
        self.assertEqual(self.sql("SELECT COUNT(*) FROM kept"), "0")

    def test_a_handler_in_a_stored_procedure_can_catch_it(self):
        self.assertEqual(
            self.sql("DELIMITER //\nCREATE OR REPLACE PROCEDURE p() BEGIN"
                     " DECLARE CONTINUE HANDLER FOR 1644 SELECT 'caught';"
                     " SELECT gman_do('fail', 'w'); SELECT gman_do('same', 'next'); END //\n"
                     "DELIMITER ;\nCALL p()"), "caught\nnext")

    def test_fifty_sessions_call_at_the_same_time(self):
        def session(number):
            return self.sql(f"SELECT gman_do('reverse', CONCAT('{number}-', seq))"
                            " FROM seq_1_to_20")
        with concurrent.futures.ThreadPoolExecutor(50) as sessions:
            answers = list(sessions.map(session, range(50)))
        for number, answer in enumerate(answers):
            self.assertEqual(answer.split("\n"), [f"{number}-{row}"[::-1] for row in range(1, 21)])

    def test_says_its_version_and_takes_no_argument(self):
        self.assertRegex(self.sql("SELECT gman_version()"), r"^\d+\.\d+\.\d+$")
        self.fails("SELECT gman_version(1)", "no arguments")

    def test_pings(self):
        self.assertRegex(self.sql("SELECT gman_ping()"),
                         rf"^{self.gmand.address} \d+\.\d{{3}} ms$")
        self.fails("SELECT gman_ping(1)", "no arguments")


class Json(FunctionsCase):
    """gman_do_json: everything that can be said of a job."""

    jobs = {
        "same": lambda workload: workload,
        "fail": fail,
    }

    def call(self, options, function="same"):
        return self.sql(f"SELECT gman_do_json('{function}', 'w', '{json.dumps(options)}')")

    def refused(self, options, *words):
        literal = options if isinstance(options, str) else json.dumps(options)
        self.fails(f"SELECT gman_do_json('same', 'w', '{literal}')", "1644", "gman_do_json", *words)

    def test_without_options_it_is_gman_do(self):
        for options in ("NULL", "'{}'", "'{\"priority\": null}'"):
            self.assertEqual(self.sql(f"SELECT gman_do_json('same', 'w', {options})"), "w")

    def test_background_returns_the_handle(self):
        self.assertRegex(self.call({"background": True, "priority": "low", "unique": "u"}), "^H:")
        self.assertEqual(self.call({"background": False, "priority": "high"}), "w")

    def test_a_unique_that_joins_only_what_has_not_started_is_sent_as_such(self):
        handles = {self.call({"background": True, "unique": "one", "unique_mode": mode},
                             function="nobody") for mode in ("until_start", "until_start", "alive")}
        self.assertEqual(len(handles), 1)

    def test_a_delayed_job_is_not_run_before_its_time(self):
        began = time.time()
        self.call({"background": True, "delay_s": 0.5}, function="later")
        with wire.Peer(self.gmand.address) as worker:
            worker.send(wire.CAN_DO, "later")
            worker.grab()
        self.assertGreaterEqual(time.time() - began, 0.5)

    def test_a_timeout_ends_the_call(self):
        self.fails("SELECT gman_do_json('nobody', 'w', '{\"timeout_ms\": 100}')", "1644",
                   self.gmand.address)

    def test_a_policy_of_its_own_makes_null_of_its_failure(self):
        self.assertEqual(self.call({"on_error": "null"}, function="fail"), "NULL")
        shown = self.sql("SELECT gman_do_json('fail', 'w', '{\"on_error\": \"warning\"}');"
                         "SHOW WARNINGS")
        self.assertRegex(shown, r"^NULL\n\w+\t1644\tgman_do_json: ")
        self.fails("SELECT gman_do_json('fail', 'w', '{\"on_error\": \"error\"}')", "1644")

    def test_wrong_options_are_refused_by_name(self):
        self.refused("{", "no JSON")
        self.refused("[]", "object")
        self.refused({"uniqe": "u"}, '"uniqe"', "unique")
        self.refused({"unique": 5}, '"unique"', "text")
        self.refused({"priority": "urgent"}, '"priority"', "high")
        self.refused({"unique_mode": "never"}, '"unique_mode"', "until_start")
        self.refused({"background": 1}, '"background"', "true or false")
        self.refused({"timeout_ms": 0}, '"timeout_ms"', "3600000")
        self.refused({"timeout_ms": 3600001}, '"timeout_ms"')
        self.refused({"on_error": "ignore"}, '"on_error"', "warning")
        self.refused({"run_at": "soon", "background": True}, '"run_at"', "seconds")
        self.refused({"run_at": -1, "background": True}, '"run_at"', "seconds")
        self.refused({"run_at": 2**40, "background": True}, '"run_at"', "year 10000")
        self.refused({"delay_s": 1}, '"background"', "true")
        self.refused({"delay_s": 1, "run_at": 1, "background": True}, '"delay_s"', "exclude")
        self.refused({"unique": "u" * 65}, "unique", "64")
        self.fails("SELECT gman_do_json('same', 'w')", "three arguments")

    def test_a_timeout_of_an_hour_is_the_longest(self):
        self.assertEqual(self.call({"timeout_ms": 3600000}), "w")


class At(FunctionsCase):
    """gman_do_at: a background job that waits for its time in the job server."""

    def test_the_job_is_not_run_before_its_time(self):
        handle = self.sql("SELECT gman_do_at('at', 'w', UNIX_TIMESTAMP(NOW(6)) + 0.5)")
        began = time.time()
        with wire.Peer(self.gmand.address) as worker:
            worker.send(wire.CAN_DO, "at")
            job = worker.grab()
        self.assertGreaterEqual(time.time() - began, 0.3)
        self.assertEqual(job[0].decode(), handle)

    def test_a_time_that_has_come_means_now(self):
        for time_text in ("0", "1", "'1.5'", "UNIX_TIMESTAMP()"):
            with self.subTest(time=time_text):
                self.assertRegex(self.sql(f"SELECT gman_do_at('past', 'w', {time_text})"), "^H:")

    def test_takes_a_unique(self):
        handles = {self.sql("SELECT gman_do_at('at_unique', 'w', UNIX_TIMESTAMP() + 99, 'u')")
                   for _ in range(2)}
        self.assertEqual(len(handles), 1)

    def test_what_is_no_time_is_refused(self):
        for wrong in ("'soon'", "-1", "'1e9'", "NOW()", "'2030-01-01'", "''", "'.5'", "'1.x'",
                      "253402300800", "99999999999999999999"):
            with self.subTest(wrong=wrong):
                self.fails(f"SELECT gman_do_at('f', 'w', {wrong})", "1644", "gman_do_at", "run_at",
                           "UNIX_TIMESTAMP")
        self.fails("SELECT gman_do_at('f', 'w', NULL)", "1644", "run_at", "NULL")
        self.fails("SELECT gman_do_at('f', 'w')", "three or four arguments")

    def test_the_last_second_of_the_year_9999_is_taken(self):
        self.assertRegex(self.sql("SELECT gman_do_at('far', 'w', 253402300799)"), "^H:")
        self.assertRegex(self.sql("SELECT gman_do_at('far', 'w', '253402300799.999')"), "^H:")
        self.fails("SELECT gman_do_at('far', 'w', '253402300799.9991')", "1644", "run_at")


class Requests(unittest.TestCase):
    """What arrives at the job server."""

    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(RecordingServer())
        cls.database = cls.enterClassContext(database(cls.server.address))

    def setUp(self):
        self.server.requests.clear()

    def test_is_evaluated_for_every_row_though_its_arguments_are_constant(self):
        self.database.sql("SELECT gman_do('f', 'x') FROM seq_1_to_5", database="test")
        self.assertEqual(len(self.server.requests), 5)

    def test_a_null_unique_is_no_unique(self):
        self.database.sql("SELECT gman_do_background('f', 'w', NULL), gman_do('f', 'w', '')")
        self.assertEqual(self.server.requests, [(wire.SUBMIT_JOB_BG, b"f", b"", b"w"),
                                                (wire.SUBMIT_JOB, b"f", b"", b"w")])

    def test_each_function_sends_its_own_kind_of_job(self):
        kinds = {"gman_do": wire.SUBMIT_JOB, "gman_do_high": wire.SUBMIT_JOB_HIGH,
                 "gman_do_low": wire.SUBMIT_JOB_LOW, "gman_do_background": wire.SUBMIT_JOB_BG,
                 "gman_do_high_background": wire.SUBMIT_JOB_HIGH_BG,
                 "gman_do_low_background": wire.SUBMIT_JOB_LOW_BG}
        for name, kind in kinds.items():
            self.database.sql(f"SELECT {name}('f', 'w', '{name}')")
            self.assertEqual(self.server.requests.pop(), (kind, b"f", name.encode(), b"w"))

    def test_a_unique_of_64_bytes_is_taken_and_one_of_65_refused(self):
        longest = "u" * 64
        for call in ("gman_do_background('f', 'w', '{}')", "gman_do('f', 'w', '{}')",
                     "gman_sum('f', '1', '{}')"):
            with self.subTest(call=call):
                self.database.sql("SELECT " + call.format(longest))
                self.assertEqual(self.server.requests.pop()[2], longest.encode())
                name = call[:call.index("(")]
                with self.assertRaisesRegex(SqlError, f"1644.*{name}.*unique.*64"):
                    self.database.sql("SELECT " + call.format(longest + "u"))
                self.assertEqual(self.server.requests, [])

    def test_uniques_that_differ_in_their_last_byte_are_two(self):
        stem = "u" * 63
        self.database.sql(f"SELECT gman_do_background('f', 'w', '{stem}a'),"
                          f" gman_do_background('f', 'w', '{stem}b')")
        self.assertEqual([request[2] for request in self.server.requests],
                         [stem.encode() + b"a", stem.encode() + b"b"])


if __name__ == "__main__":
    unittest.main()
