# SPDX-License-Identifier: BSD-3-Clause
"""gman_sum: one job a row, and the sum of their answers."""
import unittest

from fixture import FunctionsCase


class Sum(FunctionsCase):
    jobs = {
        "length": lambda workload: str(len(workload)).encode(),
        "same": lambda workload: workload,
    }

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.database.sql("CREATE TABLE words (kind INT, word VARCHAR(99));"
                         "INSERT INTO words VALUES (1, 'a'), (1, 'bcd'), (2, 'ef'), (2, '')",
                         database="test")

    def test_adds_up_a_whole_table(self):
        self.assertEqual(self.sql("SELECT gman_sum('length', word) FROM words"), "6")
        self.assertEqual(self.sql("SELECT gman_sum('length', word, word) FROM words"), "6")

    def test_adds_up_each_group_by_itself(self):
        self.assertEqual(
            self.sql("SELECT kind, gman_sum('length', word) FROM words GROUP BY kind"),
            "1\t4\n2\t2")

    def test_knows_negative_numbers_and_the_limits_of_64_bits(self):
        self.assertEqual(self.sql("SELECT gman_sum('same', -seq) FROM seq_1_to_4"), "-10")
        for limit in (2**63 - 1, -(2**63)):
            self.assertEqual(self.sql(f"SELECT gman_sum('same', {limit})"), str(limit))
        self.fails(f"SELECT gman_sum('same', {2**63})", "1644", "no 64-bit integer", str(2**63))
        self.fails(f"SELECT gman_sum('same', {2**63 - 1}) FROM seq_1_to_2", "1644", "range")

    def test_a_group_without_rows_sums_to_0(self):
        self.assertEqual(self.sql("SELECT gman_sum('length', word) FROM words WHERE FALSE"), "0")

    def test_a_result_that_is_no_integer_is_an_error_that_quotes_it(self):
        for result in ("abc", "1.5", "12 ", " 12", "+1", "1e3", "0x10"):
            with self.subTest(result=result):
                self.fails(f"SELECT gman_sum('same', '{result}')", "1644", "gman_sum",
                           f"'{result}'")
        self.fails("SELECT gman_sum('same', '')", "1644", "no 64-bit integer", "''")
        self.fails("SELECT gman_sum('same', REPEAT('9', 100))", "'" + "9" * 64 + "...'")

    def test_one_bad_row_among_good_ones_fails_the_statement(self):
        self.fails("SELECT kind, gman_sum('same', IF(word = 'ef', word, 1)) FROM words"
                   " GROUP BY kind", "1644", "'ef'")

    def test_nulls_are_errors(self):
        self.fails("SELECT gman_sum('length', NULL)", "1644", "workload", "NULL")
        self.fails("SELECT gman_sum(NULL, 'w')", "1644", "function", "NULL")

    def test_wrong_arguments_are_refused_with_the_reason(self):
        self.fails("SELECT gman_sum('length') FROM words", "two or three arguments")


if __name__ == "__main__":
    unittest.main()
