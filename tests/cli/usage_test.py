# SPDX-License-Identifier: BSD-3-Clause
"""gman explains itself, and says in one line what is wrong with a command line."""
import unittest

from gman_command import DOWN, gman

COMMANDS = ("do", "bg", "worker", "status", "workers", "ping", "admin", "bench",
            "version")


class Usage(unittest.TestCase):
    def refused(self, *args, **more):
        done = gman(*args, **more)
        self.assertEqual(done.returncode, 2, done)
        self.assertEqual(done.stdout, b"")
        self.assertEqual(done.stderr.count("\n"), 1, f"not one line: {done}")
        return done.stderr.rstrip("\n")

    def test_lists_every_command(self):
        done = gman("--help")
        self.assertEqual(done.returncode, 0, done)
        for command in COMMANDS:
            self.assertRegex(done.stdout.decode(), rf"(?m)^  {command} +\S.{{10,}}$")

    def test_explains_every_command_with_examples_that_fit_a_terminal(self):
        for command in COMMANDS:
            with self.subTest(command=command):
                done = gman(command, "--help")
                self.assertEqual(done.returncode, 0, done)
                text = done.stdout.decode()
                self.assertIn(f"Usage: gman {command}", text)
                if command != "version":
                    self.assertIn(f"\nExamples:\n  gman {command}", text)
                    self.assertIn("Exit codes: 0 ", text)
                    self.assertIn("--servers", text)
                self.assertEqual([line for line in text.split("\n") if len(line) > 100], [])

    def test_documents_each_exit_code_of_do(self):
        text = " ".join(gman("do", "--help").stdout.decode().split())
        for code in ("0 done", "1 the job failed or raised an exception", "2 wrong usage",
                     "3 no server reachable", "4 deadline", "5 connection lost"):
            self.assertIn(code, text)

    def test_prints_its_version_in_two_ways(self):
        for args in (["version"], ["--version"]):
            done = gman(*args)
            self.assertEqual(done.returncode, 0, done)
            self.assertRegex(done.stdout.decode(), r"^gman \d+\.\d+\.\d+\n$")

    def test_shows_its_help_when_nothing_is_asked(self):
        done = gman()
        self.assertEqual(done.returncode, 2, done)
        self.assertEqual(done.stdout, b"")
        self.assertIn("Usage: gman", done.stderr)

    def test_suggests_the_command_that_was_meant(self):
        meant = {"stauts": "status", "pign": "ping", "worke": "worker", "wrokers": "workers",
                 "amdin": "admin", "versoin": "version", "dp": "do"}
        for typed, command in meant.items():
            with self.subTest(typed=typed):
                self.assertEqual(self.refused(typed, "x"),
                                 f'gman: unknown command "{typed}"; did you mean {command}?')
        self.assertEqual(self.refused("-s", DOWN, "stauts"),
                         'gman: unknown command "stauts"; did you mean status?')

    def test_suggests_nothing_for_what_is_near_to_nothing(self):
        self.assertEqual(self.refused("frobnicate"),
                         'gman: unknown command "frobnicate"; see gman --help')

    def test_names_what_is_missing_or_too_much(self):
        self.assertRegex(self.refused("do"), r"^gman do: FUNCTION is required; see gman do --help$")
        self.assertRegex(self.refused("do", "f", "w", "x"), r"^gman do: .*x.*see gman do --help$")
        self.assertRegex(self.refused("bg", "--nonsense", "f"), r"^gman bg: .*--nonsense")
        self.assertRegex(self.refused("do", "f", "--high", "--low"), r"^gman do: .*--high")
        self.assertRegex(self.refused("admin"), r"^gman admin: WORDS is required")

    def test_refuses_a_list_of_servers_that_is_none(self):
        for command, *words in (["do", "f", "w"], ["bg", "f", "w"], ["status"], ["workers"],
                                ["ping"], ["admin", "version"], ["worker", "f", "--", "cat"]):
            with self.subTest(command=command):
                self.assertIn("host:port", self.refused(command, "-s", "host:port", *words))

    def test_refuses_a_time_that_is_none(self):
        for time in ("soon", "0", "-1", "1x", " ", "inf", "nan", "1e300", "25h2"):
            with self.subTest(time=time):
                self.assertIn("300ms", self.refused("do", "f", "w", f"--deadline={time}"))

    def test_takes_the_servers_from_either_side_of_the_command_and_the_environment(self):
        for args, servers in ((["-s", DOWN, "ping"], None), (["ping", "-s", DOWN], None),
                              (["ping"], DOWN), (["ping", f"--servers={DOWN}"], "unix:/other")):
            with self.subTest(args=args):
                done = gman(*args, servers=servers)
                self.assertEqual(done.returncode, 3, done)
                self.assertIn("/nonexistent/gmand.sock", done.stderr)


if __name__ == "__main__":
    unittest.main()
