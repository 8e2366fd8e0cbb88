# SPDX-License-Identifier: BSD-3-Clause
"""gman status, workers, ping and admin: what servers say of themselves."""
import os
import pty
import re
import signal
import subprocess
import unittest

from gman_command import BINARY, DOWN, GmanWorker, environment, gman
from gmand import Gmand
from wire import CAN_DO, SET_CLIENT_ID, SUBMIT_JOB_BG, Peer


def on_terminal(*args, servers):
    """What a terminal shows of a command, and its exit code."""
    leader, terminal = pty.openpty()
    process = subprocess.Popen([BINARY, *args], stdout=terminal, stderr=subprocess.PIPE,
                               env=environment(servers))
    os.close(terminal)
    shown = b""
    while True:
        try:
            shown += os.read(leader, 4096)
        except OSError:  # the other end of a terminal is gone: Linux says EIO
            break
    os.close(leader)
    process.communicate(timeout=30)
    return process.returncode, shown.decode().replace("\r\n", "\n")


class Status(unittest.TestCase):
    def setUp(self):
        self.gmand = self.enterContext(Gmand())
        self.client = self.enterContext(Peer(self.gmand.address))
        self.worker = self.enterContext(Peer(self.gmand.address))

    def two_functions(self):
        self.worker.send(SET_CLIENT_ID, "box-1")
        self.worker.send(CAN_DO, "served")
        self.worker.echo()
        for _ in range(3):
            self.client.submit("served", "x", kind=SUBMIT_JOB_BG)
        self.client.submit("alone", "x", kind=SUBMIT_JOB_BG)
        self.worker.grab()

    def test_is_tab_separated_for_programs(self):
        self.two_functions()
        done = gman("status", servers=self.gmand.address)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout, b"alone\t1\t0\t0\nserved\t2\t1\t1\n")

    def test_shows_all_rows_behind_a_function_that_is_called_like_a_refusal(self):
        for function in ("ERR x", "served"):
            self.client.submit(function, "x", kind=SUBMIT_JOB_BG)
        done = gman("status", servers=self.gmand.address)
        self.assertEqual(sorted(done.stdout.splitlines()),
                         [b"ERR x\t1\t0\t0", b"served\t1\t0\t0"])
        self.assertEqual(gman("admin", "status", servers=self.gmand.address).returncode, 0)

    def test_is_an_aligned_table_for_people_with_alarm_in_red(self):
        self.two_functions()
        code, shown = on_terminal("status", servers=self.gmand.address)
        self.assertEqual(code, 0)
        self.assertEqual(shown, "\x1b[1mFUNCTION  QUEUED  RUNNING  WORKERS\x1b[0m\n"
                                "\x1b[31malone          1        0        0\x1b[0m\n"
                                "served         2        1        1\n")

    def test_is_plain_on_a_terminal_when_told(self):
        self.two_functions()
        self.assertEqual(on_terminal("status", "--plain", servers=self.gmand.address),
                         (0, "alone\t1\t0\t0\nserved\t2\t1\t1\n"))

    def test_says_so_when_there_is_nothing(self):
        self.assertEqual(on_terminal("status", servers=self.gmand.address),
                         (0, "no functions yet\n"))
        self.assertEqual(on_terminal("workers", servers=self.gmand.address), (0, "no workers\n"))
        self.assertEqual(gman("status", servers=self.gmand.address).stdout, b"")

    def test_shows_each_server_and_names_the_one_that_is_down(self):
        self.two_functions()
        with Gmand() as other, Peer(other.address) as client:
            client.submit("elsewhere", "x", kind=SUBMIT_JOB_BG)
            servers = f"{self.gmand.address},{DOWN},{other.address}"
            done = gman("status", servers=servers)
            self.assertEqual(done.returncode, 3)
            self.assertEqual(done.stdout.decode(),
                             f"{self.gmand.address}\talone\t1\t0\t0\n"
                             f"{self.gmand.address}\tserved\t2\t1\t1\n"
                             f"{other.address}\telsewhere\t1\t0\t0\n")
            self.assertRegex(done.stderr, rf"^gman status: {re.escape(DOWN)}: .*\n$")
            code, shown = on_terminal("status", servers=f"{self.gmand.address},{other.address}")
            self.assertEqual(code, 0)
            self.assertRegex(shown, rf"^{self.gmand.address}\n.*FUNCTION")
            self.assertRegex(shown, rf"\n\n{other.address}\n.*FUNCTION")

    def test_makes_a_function_name_harmless_to_terminals(self):
        self.client.submit("odd\x1b[2J", "x", kind=SUBMIT_JOB_BG)
        self.assertEqual(gman("status", servers=self.gmand.address).stdout,
                         b"odd\\x1b[2J\t1\t0\t0\n")

    def test_watches_until_it_is_interrupted(self):
        process = subprocess.Popen([BINARY, "status", "--watch", "10ms"], stdout=subprocess.PIPE,
                                   env=environment(self.gmand.address))
        self.client.submit("seen", "x", kind=SUBMIT_JOB_BG)
        line = process.stdout.readline()
        self.assertEqual(line, b"seen\t1\t0\t0\n")
        self.client.submit("seen", "x", kind=SUBMIT_JOB_BG)
        while line != b"seen\t2\t0\t0\n":
            line = process.stdout.readline()
            self.assertTrue(line)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
        self.assertEqual(process.returncode, -signal.SIGINT)

    def test_refuses_to_watch_at_no_interval(self):
        self.assertEqual(gman("status", "--watch", "never", servers=DOWN).returncode, 2)

    def test_lists_workers_and_their_functions(self):
        self.two_functions()
        self.worker.send(CAN_DO, "another")
        self.worker.echo()
        done = gman("workers", servers=self.gmand.address)
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout.decode(),
                         r"^\d+\t127\.0\.0\.1\tbox-1\t(served another|another served)\n$")
        everyone = gman("workers", "--all", servers=self.gmand.address).stdout.decode()
        self.assertGreater(everyone.count("\n"), 1, "the client must be among them")
        _, shown = on_terminal("workers", servers=self.gmand.address)
        self.assertRegex(shown, r"FD +ADDRESS +CLIENT-ID +FUNCTIONS")

    def test_shows_the_client_id_that_a_worker_was_given(self):
        with GmanWorker("f", "--client-id", "me", "--", "cat", servers=self.gmand.address):
            self.gmand.wait_admin("workers", lambda answer: " me : f\n" in answer)
            done = gman("workers", servers=self.gmand.address)
            self.assertRegex(done.stdout.decode(), r"(?m)^\d+\t127\.0\.0\.1\tme\tf$")

    def test_names_the_server_whose_workers_cannot_be_listed(self):
        done = gman("workers", servers=DOWN)
        self.assertEqual((done.returncode, done.stdout), (3, b""))
        self.assertIn(DOWN, done.stderr)

    def test_measures_each_server(self):
        unix = "unix:" + self.gmand.unix_socket
        done = gman("ping", servers=f"{self.gmand.address},{DOWN},{unix}")
        self.assertEqual(done.returncode, 3)
        self.assertRegex(done.stdout.decode(),
                         rf"^{re.escape(self.gmand.address)} \d+\.\d{{3}} ms\n"
                         rf"{re.escape(unix)} \d+\.\d{{3}} ms\n$")
        self.assertRegex(done.stderr, rf"^gman ping: .*{re.escape(DOWN)}.*\n$")
        self.assertEqual(gman("ping", servers=self.gmand.address).returncode, 0)

    def test_sends_any_admin_command(self):
        self.two_functions()
        for line in ("version", "getpid", "maxqueue served 7", "create function made",
                     "drop function made", "prioritystatus", "show jobs"):
            with self.subTest(line=line):
                done = gman("admin", *line.split(), servers=self.gmand.address)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertTrue(done.stdout.endswith(b"\n"))
                self.assertNotIn(b"\r", done.stdout)
        self.assertEqual(gman("admin", "getpid", servers=self.gmand.address).stdout,
                         b"OK %d\n" % self.gmand.pid)
        listed = gman("admin", "status", servers=self.gmand.address).stdout.decode()
        self.assertEqual(listed, self.gmand.admin("status"))

    def test_fails_when_the_server_refuses_a_command(self):
        for line in ("bogus", "drop function nosuch", "cancel job H:nosuch:1"):
            done = gman("admin", *line.split(), servers=self.gmand.address)
            self.assertEqual((done.returncode, done.stdout[:4]), (1, b"ERR "), line)

    def test_sends_an_admin_command_to_every_server(self):
        with Gmand() as other:
            done = gman("admin", "getpid", servers=f"{self.gmand.address},{other.address}")
            self.assertEqual(done.stdout.decode(), f"{self.gmand.address}:\nOK {self.gmand.pid}\n"
                                                   f"{other.address}:\nOK {other.pid}\n")
        done = gman("admin", "version", servers=DOWN)
        self.assertEqual((done.returncode, done.stdout), (3, b""))

    def test_does_not_send_two_commands_as_one(self):
        done = gman("admin", "version\nshutdown", servers=self.gmand.address)
        self.assertEqual((done.returncode, done.stdout), (2, b""))


if __name__ == "__main__":
    unittest.main()
