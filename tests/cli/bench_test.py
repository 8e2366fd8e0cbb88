# SPDX-License-Identifier: BSD-3-Clause
"""gman bench: what it says adds up with what the server says, and it leaves nothing when asked.

Nothing here is about how fast anything is.
"""
import contextlib
import json
import pathlib
import subprocess
import tempfile
import unittest

from gman_command import BUILD_DIR, DOWN, gman
from gmand import Gmand
from wire import CAN_DO, Peer, SUBMIT_JOB_BG

LEAST = BUILD_DIR / "bin/bench/least"
TABLE = ["jobs submitted", "jobs acknowledged", "seconds", "jobs a second", "latency, median",
         "latency, 90 %", "latency, 99 %", "latency, longest", "generator CPU a job"]


@contextlib.contextmanager
def least():
    """The yardstick of bench/, on a Unix socket."""
    with tempfile.TemporaryDirectory(prefix="gman-l-", dir="/tmp") as directory:
        path = pathlib.Path(directory) / "least.sock"
        with subprocess.Popen([LEAST, "0", path], stdout=subprocess.PIPE, text=True) as process:
            try:
                process.stdout.readline()
                process.stdout.readline()
                yield f"unix:{path}"
            finally:
                process.kill()


def bench(server, *options):
    return gman("bench", "-s", server, *options, stdin=None)


class Runs(unittest.TestCase):
    def figures(self, server, *options):
        done = bench(server, "--json", *options)
        self.assertEqual(done.returncode, 0, done)
        figures = json.loads(done.stdout)
        self.assertEqual(figures["ended"], "done")
        return figures

    def status(self, gmand, function="gman_bench"):
        for line in gmand.admin("status").splitlines():
            name, *numbers = line.split("\t")
            if name == function:
                return tuple(map(int, numbers))
        return None

    def test_queues_as_many_jobs_as_it_says(self):
        with Gmand() as gmand:
            figures = self.figures(gmand.address, "-n", 1000, "--server-pid", gmand.pid)
            self.assertEqual(figures["jobs_submitted"], 1000)
            self.assertEqual(figures["jobs_acknowledged"], 1000)
            self.assertGreater(figures["server_cpu_us_per_job"], 0)
            self.assertEqual(self.status(gmand), (1000, 0, 0))

    def test_takes_what_is_queued_until_nothing_is(self):
        with Gmand() as gmand:
            server = f"unix:{gmand.unix_socket}"
            self.figures(server, "-n", 500)
            figures = self.figures(server, "-c", 0, "--workers", 3, "-n", 200)
            self.assertEqual(figures["jobs_taken"], 200)
            self.assertEqual(self.status(gmand)[:2], (300, 0))
            figures = self.figures(server, "-c", 0, "--workers", 3)
            self.assertEqual(figures["jobs_taken"], 300)
            self.assertEqual(self.status(gmand)[:2], (0, 0))

    def test_drains_what_it_has_queued_and_no_more(self):
        with Gmand() as gmand:
            server = f"unix:{gmand.unix_socket}"
            self.figures(server, "-n", 10)
            figures = self.figures(server, "-n", 300, "--unique", "--drain")
            self.assertEqual(figures["jobs_drained"], 300)
            self.assertEqual(self.status(gmand)[:2], (10, 0))

    def test_gives_each_job_a_unique_of_its_own(self):
        with Gmand() as gmand:
            server = f"unix:{gmand.unix_socket}"
            self.figures(server, "-n", 100, "--unique")
            self.figures(server, "-n", 100, "--unique")
            self.assertEqual(self.status(gmand), (200, 0, 0))
            uniques = gmand.admin("show unique jobs").splitlines()[:-1]
            self.assertEqual(len(set(uniques)), 200)

    def test_waits_for_the_results_of_foreground_jobs(self):
        for window in (1, 7):
            with Gmand() as gmand, self.subTest(window=window):
                figures = self.figures(gmand.address, "--foreground", "-n", 300, "-c", 5,
                                       "-w", window, "--workers", 2)
                for figure in ("jobs_submitted", "jobs_acknowledged", "jobs_answered",
                               "jobs_taken"):
                    self.assertEqual(figures[figure], 300, figure)
                self.assertEqual(self.status(gmand)[:2], (0, 0))

    def test_completes_background_jobs_where_it_has_workers(self):
        with Gmand() as gmand:
            figures = self.figures(gmand.address, "-n", 300, "--workers", 2, "--bytes", 10_000)
            self.assertEqual(figures["jobs_taken"], 300)
            self.assertEqual(self.status(gmand)[:2], (0, 0))

    def test_wakes_nobody_in_vain(self):
        with Gmand() as gmand:
            figures = self.figures(gmand.address, "--foreground", "-c", 1, "-w", 1, "-n", 50,
                                   "--workers", 30)
            self.assertEqual((figures["wakes"], figures["wakes_in_vain"]), (50, 0))

    def test_ends_after_the_time_it_was_given(self):
        with Gmand() as gmand:
            figures = self.figures(gmand.address, "--duration", "50ms", "-w", 8)
            self.assertEqual(figures["jobs_acknowledged"], figures["jobs_submitted"])
            self.assertEqual(self.status(gmand), (figures["jobs_acknowledged"], 0, 0))

    def test_measures_the_least_possible_responder_in_every_way(self):
        with least() as server:
            self.assertEqual(self.figures(server, "-n", 3000, "--drain")["jobs_drained"], 3000)
            self.assertEqual(self.figures(server, "-n", 100, "--workers", 2)["jobs_taken"], 100)
            figures = self.figures(server, "-n", 300, "--foreground", "-c", 3, "-w", 2,
                                   "--workers", 2)
            self.assertEqual(figures["jobs_answered"], 300)

    def test_prints_a_table_that_agrees_with_itself(self):
        with Gmand() as gmand:
            done = bench(gmand.address, "-n", 2000)
            self.assertEqual(done.returncode, 0, done)
            rows = dict(line.split("\t") for line in done.stdout.decode().splitlines())
            self.assertEqual(list(rows), TABLE)
            self.assertEqual(rows["jobs submitted"], "2,000")
            self.assertEqual(rows["jobs acknowledged"], "2,000")

    def test_says_when_the_server_refuses_jobs(self):
        with Gmand() as gmand:
            self.assertTrue(gmand.admin("create function gman_bench").startswith("OK"))
            gmand.admin("maxqueue gman_bench 5")
            done = bench(gmand.address, "--json", "-n", 20)
            self.assertEqual(done.returncode, 1, done)
            self.assertIn("the server refused: QUEUE_ERROR", done.stderr)
            figures = json.loads(done.stdout)
            self.assertEqual((figures["jobs_acknowledged"], figures["jobs_refused"]), (5, 15))

    def test_gives_up_when_nothing_comes(self):
        with Gmand() as gmand, Peer(gmand.address) as idle:
            idle.send(CAN_DO, "gman_bench")
            idle.echo()
            done = bench(gmand.address, "--foreground", "-n", 1, "--patience", "200ms")
            self.assertEqual(done.returncode, 4, done)
            self.assertIn("nothing has come for 200 ms", done.stderr)
            self.assertIn("jobs answered\t0", done.stdout.decode())

    def test_leaves_jobs_of_other_functions_alone(self):
        with Gmand() as gmand, Peer(gmand.address) as client:
            client.send(SUBMIT_JOB_BG, "real_work", "", "x")
            client.receive()
            self.figures(gmand.address, "-n", 10, "--drain")
            self.assertEqual(self.status(gmand, "real_work"), (1, 0, 0))


class Refusals(unittest.TestCase):
    def test_refuses_options_that_cannot_be_meant(self):
        mistakes = {
            ("--connections", "20001"): "--connections: 20001 is not between 0 and 20000",
            ("--workers", "-1"): "--workers: -1 is not between 0 and 20000",
            ("--window", "0"): "--window: 0 is not between 1 and 100000",
            ("--window", "100001"): "--window: 100001 is not between 1 and 100000",
            ("--bytes", "67108865"): "--bytes: 67108865 is not between 0 and 67108864",
            ("--jobs", "0"): "--jobs: 0 is not between 1 and 1000000000000",
            ("--jobs", "many"): "many",
            ("--duration", "soon"): "--duration \"soon\" is no time",
            ("--patience", "0"): "--patience \"0\" is no time",
            ("--function", ""): "--function: the name is empty",
            ("--function", "f" * 513): "--function: the name is longer than 512 bytes",
            ("--connections", "0"): "there is nothing to do",
            ("-c", "0", "--workers", "1", "--foreground"): "--foreground and --unique mean nothing",
            ("--foreground", "--drain"): "--drain is for background jobs",
            ("--foreground", "--background"): "excludes",
            ("-s", "a,b"): "it measures one server at a time",
            ("--server-pid", "-1"): "--server-pid",
        }
        for options, reason in mistakes.items():
            with self.subTest(options=options):
                done = gman("bench", *options, servers=DOWN)
                self.assertEqual(done.returncode, 2, done)
                self.assertEqual(done.stdout, b"")
                self.assertIn(reason, done.stderr)

    def test_takes_the_largest_numbers_there_are(self):
        # They are understood; the server is what is missing.
        done = gman("bench", "-c", "20000", "-w", "100000", "--bytes", "67108864", "--workers",
                    "20000", "-n", "1000000000000", "--function", "f" * 512, servers=DOWN)
        self.assertEqual(done.returncode, 3, done)

    def test_says_when_no_server_is_there(self):
        done = gman("bench", servers=DOWN)
        self.assertEqual(done.returncode, 3, done)
        self.assertIn("is a job server running there?", done.stderr)


if __name__ == "__main__":
    unittest.main()
