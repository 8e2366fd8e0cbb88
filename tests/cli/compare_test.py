# SPDX-License-Identifier: BSD-3-Clause
"""tools/dev bench compares what it says it compares, and keeps its table where it belongs.

Nothing here is about how fast anything is: the smallest run must come to its end and be complete.
"""
import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMPARE = ROOT / "bench/compare.py"
sys.path.insert(0, str(ROOT / "bench"))

import compare
import rows


def run(*options):
    return subprocess.run([sys.executable, "-B", COMPARE, *options], capture_output=True,
                          text=True, stdin=subprocess.DEVNULL, timeout=120, check=False)


class Compare(unittest.TestCase):
    def test_measures_a_row_on_each_of_our_servers(self):
        done = run("--quick", "--without-gearmand", "--rounds", "1", "--only",
                   "one at a time, Unix socket")
        self.assertEqual(done.returncode, 0, done.stderr)
        table = [line for line in done.stdout.splitlines() if line.startswith("|")]
        self.assertEqual(len(table), 2 + 4, done.stdout)
        headings = [cell.strip() for cell in table[0].split("|")[1:-1]]
        for line in table[2:]:
            cells = dict(zip(headings, (cell.strip() for cell in line.split("|")[1:-1])))
            self.assertRegex(cells["gmand"], r"^[\d,.]+$")
            self.assertRegex(cells["least"], r"^[\d,.]+$")
            self.assertEqual(cells["gearmand -t 4"], "-")

    def test_refuses_a_row_that_there_is_not(self):
        done = run("--only", "no such row")
        self.assertEqual(done.returncode, 2, done)
        self.assertIn("background submit, one at a time, TCP", done.stderr)

    def test_keeps_whole_tables_only(self):
        done = run("--keep", "--only", "TCP")
        self.assertEqual(done.returncode, 2, done)

    def test_judges_by_medians(self):
        row = next(row for row in rows.ROWS if row.asks is rows.SUBMIT_ASKS)
        medians = {name: {rows.RATE: rate, rows.CPU: cpu} for name, rate, cpu in (
            ("gmand", 900, 0.3), ("gearmand -t 4", 300, 0.9), ("gearmand -t 1", 450, 0.5),
            ("least", 1000, 0.1))}
        self.assertEqual([line[-1] for line in compare.lines_of(row, medians)], ["yes", "yes"])
        medians["gearmand -t 1"][rows.RATE] = 451
        medians["least"][rows.CPU] = 0.09
        self.assertEqual([line[-1] for line in compare.lines_of(row, medians)], ["NO", "NO"])

    def test_finds_its_place_in_the_document(self):
        text = compare.KEPT_IN.read_text(encoding="utf-8")
        self.assertEqual(len(re.findall(re.escape(compare.BEGIN), text)), 1)
        self.assertEqual(len(re.findall(re.escape(compare.END), text)), 1)
        self.assertLess(text.index(compare.BEGIN), text.index(compare.END))


if __name__ == "__main__":
    unittest.main()
