# SPDX-License-Identifier: BSD-3-Clause
"""Programs made with libgearman work with gmand as they are, whatever of it they use; and every
packet that a client in reach can send is sent by one of them here, not only by our own."""
import contextlib
import subprocess
import unittest

import wire
from foreign import ForeignWorker, ask, wait_workers
from gmand import BUILD_DIR, Gmand
from wiretap import Wiretap

PEER = BUILD_DIR / "bin" / "tests" / "libgearman_peer"
SECONDS = 30

WAYS = {"plain": wire.GRAB_JOB, "unique": wire.GRAB_JOB_UNIQ, "all": wire.GRAB_JOB_ALL}

# What the client prints when each of its jobs was done.
ANSWERS = """\
option SUCCESS
do SUCCESS done
do_high SUCCESS done
do_low SUCCESS done
background SUCCESS
high_background SUCCESS
low_background SUCCESS
unknown function SUCCESS
status SUCCESS queued
unique status SUCCESS queued
echo SUCCESS
tasks: 300 created, 100 data, 100 warnings, 100 statuses, 100 complete, 200 failed, 0 exceptions
last SUCCESS
"""

# Packets of libgearman's own programs, php-gearman and Perl's Gearman modules. What they cannot
# send: ALL_YOURS, which no client of today sends, and SUBMIT_JOB_SCHED, which none ever did.
BY_LIBGEARMAN = {
    wire.CAN_DO, wire.CANT_DO, wire.RESET_ABILITIES, wire.PRE_SLEEP, wire.SUBMIT_JOB,
    wire.WORK_STATUS, wire.WORK_COMPLETE, wire.WORK_FAIL, wire.GET_STATUS, wire.ECHO_REQ,
    wire.SUBMIT_JOB_BG, wire.SUBMIT_JOB_HIGH, wire.SET_CLIENT_ID, wire.CAN_DO_TIMEOUT,
    wire.WORK_EXCEPTION, wire.OPTION_REQ, wire.WORK_DATA, wire.WORK_WARNING,
    wire.SUBMIT_JOB_HIGH_BG, wire.SUBMIT_JOB_LOW, wire.SUBMIT_JOB_LOW_BG, wire.SUBMIT_JOB_EPOCH,
    wire.SUBMIT_REDUCE_JOB, wire.SUBMIT_REDUCE_JOB_BACKGROUND, wire.GET_STATUS_UNIQUE,
    *WAYS.values()}
NOT_IN_REACH = {wire.ALL_YOURS, wire.SUBMIT_JOB_SCHED}


class Libgearman(unittest.TestCase):
    def setUp(self):
        self.gmand = self.enterContext(Gmand())

    def play(self, way):
        """Client and worker to their ends: what they printed, and the packets that they sent."""
        with Wiretap(self.gmand.address) as tap:
            words = [str(PEER), "127.0.0.1", str(tap.port)]
            worker = subprocess.Popen([*words, "worker", way], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE)
            try:
                client = subprocess.run([*words, "client"], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, timeout=SECONDS, check=True)
                told = worker.communicate(timeout=SECONDS)[0]
            finally:
                if worker.poll() is None:
                    worker.kill()
                    worker.communicate()
            self.assertEqual(worker.returncode, 0, told)
        return client.stdout.decode(), told.decode(), tap.types

    def test_a_client_gets_every_answer_from_a_worker_that_grabs_in_each_way(self):
        for way, grab in WAYS.items():
            with self.subTest(way):
                answers, told, types = self.play(way)
                self.assertEqual(answers, ANSWERS)
                # Left is the job with a reducer for which nobody waits, by its unique the same each
                # time, and the one for which there is no worker.
                totals = [row.split("\t")[:2] for row in self.gmand.admin("status").split("\n")]
                self.assertEqual([total for total in totals if total[1:] not in ([], ["0"])],
                                 [["nobody", "1"], ["reduced", "1"]])
                # Three waited for, three not, the epoch job, the tasks, and the last.
                jobs = 3 + 3 + 1 + 300 + 1
                self.assertEqual(told, f"echo SUCCESS\nnothing yet NO_JOBS\n{jobs} jobs\n")
                self.assertGreaterEqual(types[grab], jobs)
                for other in set(WAYS.values()) - {grab}:
                    self.assertEqual(types[other], 0)

    def test_a_job_is_split_and_its_parts_are_put_together(self):
        words = [str(PEER), "127.0.0.1", str(self.gmand.port)]
        with contextlib.ExitStack() as stack:
            workers = []
            for role in ("mapper", "reducer", "reducer", "reducer"):
                workers.append(subprocess.Popen([*words, role], stdin=subprocess.DEVNULL,
                                                stdout=subprocess.PIPE))
                stack.callback(workers[-1].communicate)
                stack.callback(workers[-1].kill)
            wait_workers(self.gmand, "lengths", "length")
            done = subprocess.run([*words, "split"], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, timeout=SECONDS, check=True)
            self.assertEqual(done.stdout, b"split SUCCESS 17\n")
            for worker in workers:
                self.assertIn(b" SUCCESS", worker.communicate(timeout=SECONDS)[0])

    def test_every_packet_in_reach_is_sent_by_somebody_elses_client(self):
        sent = set()
        for way in WAYS:
            sent |= set(self.play(way)[2])
        self.assertEqual({wire_name(kind) for kind in sent},
                         {wire_name(kind) for kind in BY_LIBGEARMAN})
        # From 1000 up are gman's own, which nobody else knows.
        requests = {kind for kind in wire.ARGUMENTS if kind < 1000} - SENT_BY_SERVERS
        self.assertEqual(requests - sent, NOT_IN_REACH)


class Packets(unittest.TestCase):
    """Which packets the scripting languages and the tool send, each by its own words."""

    EXPECTED = {
        "php": {wire.SUBMIT_JOB, wire.SUBMIT_JOB_HIGH, wire.SUBMIT_JOB_LOW, wire.SUBMIT_JOB_BG,
                wire.SUBMIT_JOB_HIGH_BG, wire.SUBMIT_JOB_LOW_BG, wire.GET_STATUS,
                wire.OPTION_REQ, wire.CAN_DO, wire.SET_CLIENT_ID, wire.PRE_SLEEP,
                wire.GRAB_JOB_ALL, wire.WORK_COMPLETE, wire.WORK_STATUS, wire.WORK_DATA,
                wire.WORK_WARNING, wire.WORK_FAIL, wire.WORK_EXCEPTION},
        "perl": {wire.SUBMIT_JOB, wire.SUBMIT_JOB_HIGH, wire.SUBMIT_JOB_LOW, wire.SUBMIT_JOB_BG,
                 wire.SUBMIT_JOB_HIGH_BG, wire.SUBMIT_JOB_LOW_BG, wire.GET_STATUS,
                 wire.OPTION_REQ, wire.CAN_DO, wire.SET_CLIENT_ID, wire.PRE_SLEEP,
                 wire.GRAB_JOB, wire.WORK_COMPLETE, wire.WORK_STATUS, wire.WORK_DATA,
                 wire.WORK_WARNING, wire.WORK_FAIL, wire.WORK_EXCEPTION},
    }

    def test_php_and_perl_send_these(self):
        for kind, expected in self.EXPECTED.items():
            with self.subTest(kind), Gmand() as gmand, Wiretap(gmand.address) as tap:
                with ForeignWorker(kind, tap.address, "x_"):
                    wait_workers(gmand, "x_reverse", "x_raise")
                    for action in ("do", "high", "low", "bg", "high_bg", "low_bg"):
                        ask(kind, tap.address, action, "x_reverse", "abc")
                    handle = ask(kind, tap.address, "bg", "later", "x").stdout.decode().strip()
                    handle = handle.replace(tap.address, gmand.address) if kind == "php" else handle
                    ask(kind, tap.address, "status", handle)
                    for name in ("x_slow", "x_talk", "x_fail", "x_raise"):
                        ask(kind, tap.address, "events", name, "x")
                self.assertEqual({wire_name(number) for number in tap.types},
                                 {wire_name(number) for number in expected})


class Tool(unittest.TestCase):
    """Debian's gearman, option by option."""

    def setUp(self):
        self.gmand = self.enterContext(Gmand())

    def gearman(self, *options, stdin=b""):
        return subprocess.run(["gearman", "-h", "127.0.0.1", "-p", str(self.gmand.port), *options],
                              input=stdin, capture_output=True, timeout=SECONDS, check=True).stdout

    def test_many_arguments_are_as_many_jobs(self):
        with wire.reversing_worker(self.gmand.address):
            self.assertEqual(self.gearman("-f", "reverse", "one", "two"), b"enoowt")

    def test_each_line_of_its_input_is_a_job(self):
        with wire.reversing_worker(self.gmand.address) as worker:
            self.assertEqual(self.gearman("-N", "-f", "reverse", stdin=b"one\ntwo\n"), b"enoowt")
            self.assertEqual(worker.jobs_done, 2)

    def test_the_line_ends_stay_when_told_so(self):
        with wire.reversing_worker(self.gmand.address):
            self.assertEqual(self.gearman("-n", "-f", "reverse", stdin=b"one\ntwo\n"),
                             b"\neno\nowt")

    def test_jobs_of_three_priorities_and_one_unique_wait_in_the_background(self):
        for options in (("-I",), (), ("-L",), ("-u", "key"), ("-u", "key")):
            self.gearman("-b", *options, "-f", "later", "x")
        self.assertEqual(self.gmand.admin("prioritystatus"), "later\t1\t2\t1\t0\n.\n")

    def test_a_prefix_is_printed_with_P(self):
        with wire.reversing_worker(self.gmand.address):
            self.assertIn(b"owt", self.gearman("-P", "-f", "reverse", "two"))

    def test_a_worker_ends_after_as_many_jobs_as_it_was_told(self):
        worker = subprocess.Popen(
            ["gearman", "-h", "127.0.0.1", "-p", str(self.gmand.port), "-w", "-c", "2", "-f",
             "upper", "--", "tr", "a-z", "A-Z"], stdin=subprocess.DEVNULL)
        try:
            wait_workers(self.gmand, "upper")
            self.assertEqual(self.gearman("-f", "upper", "abc"), b"ABC")
            self.assertEqual(self.gearman("-f", "upper", "def"), b"DEF")
            self.assertEqual(worker.wait(SECONDS), 0)
        finally:
            if worker.poll() is None:
                worker.kill()
                worker.wait()


SENT_BY_SERVERS = {wire.NOOP, wire.JOB_CREATED, wire.NO_JOB, wire.JOB_ASSIGN, wire.ECHO_RES,
                   wire.ERROR, wire.STATUS_RES, wire.OPTION_RES, wire.JOB_ASSIGN_UNIQ,
                   wire.JOB_ASSIGN_ALL, wire.STATUS_RES_UNIQUE}


def wire_name(number):
    return next(name for name, value in vars(wire).items()
                if value == number and name.isupper() and number in wire.ARGUMENTS)


if __name__ == "__main__":
    unittest.main()
