# SPDX-License-Identifier: BSD-3-Clause
"""tools/dev bench compares what it says it compares, and keeps its table where it belongs.

Nothing here is about how fast anything is: the smallest run must come to its end and be complete.
"""
import pathlib
import re
import socket
import subprocess
import sys
import unittest

from gmand import Gmand
from patience import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMPARE = ROOT / "bench/compare.py"
sys.path.insert(0, str(ROOT / "bench"))

import compare
import kept_tables
import pace
import rows
import servers


def run(*options):
    return subprocess.run([sys.executable, "-B", COMPARE, *options], capture_output=True,
                          text=True, stdin=subprocess.DEVNULL, timeout=120, check=False)


def ask_redis(server, line, lines=1):
    """The last of so many lines of its answer."""
    host, port = server.tcp.split(":")
    with socket.create_connection((host, int(port)), timeout=30) as peer:
        peer.sendall(line.encode() + b"\r\n")
        with peer.makefile("rb") as answer:
            return [answer.readline().decode().strip() for _ in range(lines)][-1]


FIGURE = r"^[\d,.]+$"


def table_of(case, row_name, figures):
    """The cells of each line by their headings, of one round of that row without gearmand."""
    done = run("--quick", "--without-gearmand", "--rounds", "1", "--only", row_name)
    case.assertEqual(done.returncode, 0, done.stderr)
    lines = [[cell.strip() for cell in line.split("|")[1:-1]]
             for line in done.stdout.splitlines() if line.startswith("|")]
    case.assertEqual(len(lines), 2 + figures, done.stdout)
    return [dict(zip(lines[0], line)) for line in lines[2:]]


def verdicts(table, row, medians):
    return [line[-1] for line in compare.lines_of(table, row, medians)]


class Compare(unittest.TestCase):
    def test_measures_a_row_on_each_of_our_servers(self):
        table = table_of(self, "one at a time, Unix socket", figures=4)
        for cells in table:
            self.assertRegex(cells["gmand"], FIGURE)
            self.assertRegex(cells["least"], FIGURE)
            self.assertEqual(cells["gearmand -t 4"], "-")

    def test_measures_durable_submits_on_each_server_that_is_here(self):
        table = table_of(self, "durable submit, one at a time", figures=5)
        for cells in table:
            for name in ("gmand sqlite", "Redis", "least + fdatasync"):
                self.assertRegex(cells[name], "^-$" if servers.lacks(name) else FIGURE, name)
            self.assertEqual(cells["gearmand libsqlite3"], "-")

    def test_says_which_servers_are_left_out_and_why(self):
        done = run("--quick", "--without-gearmand", "--only", "memory function, 4 x 64")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual("gmand sqlite is left out" in done.stderr,
                         servers.lacks("gmand sqlite") is not None, done.stderr)

    def test_refuses_to_call_durable_what_is_kept_in_memory(self):
        done = run("--only", "durable", "--stores-below", "/dev/shm")
        self.assertEqual(done.returncode, 2, done)
        self.assertIn("it is a tmpfs, where nothing is durable", done.stderr)

    def test_refuses_a_row_that_there_is_not(self):
        done = run("--only", "no such row")
        self.assertEqual(done.returncode, 2, done)
        self.assertIn("background submit, one at a time, TCP", done.stderr)

    def test_keeps_rows_in_the_place_of_those_of_the_same_names(self):
        head = "| workload | figure | gmand |\n|---|---|---:|"
        kept = (f"full run; gman at 1.\n\nDurable jobs, kept on ext4, with 1 us.\n\n{head}\n"
                "| a | jobs/s | 1 |\n|  | us | 2 |\n| b | jobs/s | 3 |\n")
        new = (f"full run; gman at 2.\n\nDurable jobs, kept on xfs, with 9 us.\n\n{head}\n"
               f"| a | jobs/s | 4 |\n|  | us | 5 |\n\nTriggers.\n\n{head}\n| c | us | 6 |\n")
        self.assertEqual(kept_tables.with_rows(kept, new), (
            "full run; gman at 1.\n\nMeasured again: a, c: full run; gman at 2.\n\n"
            f"Durable jobs, kept on ext4, with 1 us.\n\n{head}\n"
            "| a | jobs/s | 4 |\n|  | us | 5 |\n| b | jobs/s | 3 |\n\n"
            f"Triggers.\n\n{head}\n| c | us | 6 |\n"))

    def test_judges_by_medians(self):
        table = rows.TABLES[0]
        row = next(row for row in table.rows if row.asks is rows.SUBMIT_ASKS)
        medians = {name: {rows.RATE: rate, rows.CPU: cpu} for name, rate, cpu in (
            ("gmand", 900, 0.3), ("gearmand -t 4", 300, 0.9), ("gearmand -t 1", 450, 0.5),
            ("least", 1000, 0.1))}
        self.assertEqual(verdicts(table, row, medians), ["yes", "yes"])
        medians["gearmand -t 1"][rows.RATE] = 451
        medians["least"][rows.CPU] = 0.09
        self.assertEqual(verdicts(table, row, medians), ["NO", "NO"])

    def test_judges_nothing_by_a_server_that_was_not_measured(self):
        table = rows.TABLES[1]
        row = table.rows[0]
        medians = {"Redis": {rows.RATE: 100_000}, "gearmand libsqlite3": {rows.RATE: 1_000}}
        self.assertEqual(verdicts(table, row, medians), ["?"])
        medians["gmand sqlite"] = {rows.RATE: 120_000}
        self.assertEqual(verdicts(table, row, medians), ["yes"])
        medians["Redis"][rows.RATE] = 100_001
        self.assertEqual(verdicts(table, row, medians), ["NO"])

    def test_finds_its_place_in_the_document(self):
        text = compare.KEPT_IN.read_text(encoding="utf-8")
        self.assertEqual(len(re.findall(re.escape(compare.BEGIN), text)), 1)
        self.assertEqual(len(re.findall(re.escape(compare.END), text)), 1)
        self.assertLess(text.index(compare.BEGIN), text.index(compare.END))


class JobsInRedis(unittest.TestCase):
    """bench/redis_load does what `gman bench` says it does."""

    def test_pushes_as_many_jobs_as_it_says(self):
        with servers.start("Redis") as redis:
            for connections, window in ((4, 64), (1, 1), (3, 7)):
                figures = rows.redis_load(redis, 500, connections, window)
                self.assertEqual(figures["jobs_submitted"], 500)
                self.assertEqual(figures["jobs_acknowledged"], 500)
                self.assertEqual((figures["connections"], figures["window"]),
                                 (connections, window))
                self.assertEqual(figures["ended"], "done")
            self.assertEqual(ask_redis(redis, "LLEN gman_bench"), ":1500")
            self.assertEqual(ask_redis(redis, "CONFIG GET appendfsync", lines=5), "always")

    def test_ends_when_redis_refuses(self):
        with servers.start("Redis") as redis:
            self.assertEqual(ask_redis(redis, "SET gman_bench taken"), "+OK")
            with self.assertRaisesRegex(RuntimeError, "refused: -WRONGTYPE"):
                rows.redis_load(redis, 10, 1, 1)


class DurableLeast(unittest.TestCase):
    def test_has_written_each_job_that_it_has_acknowledged(self):
        with servers.store_directory() as directory:
            with servers.start("least + fdatasync", directory=directory) as least:
                rows.bench(least.tcp, "-n", 300, "-c", 3, "-w", 7)
            self.assertEqual((directory / "journal").read_bytes().count(b"x" * 64), 300)


class Pace(unittest.TestCase):
    def test_submits_until_it_is_told_to_end(self):
        with servers.start("gmand") as gmand, pace.Pace(gmand.tcp, "paced", 10_000) as paced:
            wait_until(lambda: paced.acknowledged >= 200, "200 jobs are acknowledged")
            self.assertIsNone(paced.refusal)

    def test_ends_when_it_is_refused(self):
        with Gmand("--queue-max", 5) as gmand, pace.Pace(gmand.address, "paced", 1_000) as paced:
            wait_until(lambda: paced.refusal is not None, "a job is refused")
            self.assertIn(b"QUEUE_ERROR", paced.refusal)
            self.assertEqual(paced.acknowledged, 5)


if __name__ == "__main__":
    unittest.main()
