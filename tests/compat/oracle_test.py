# SPDX-License-Identifier: BSD-3-Clause
"""gmand answers as Debian's gearmand does, byte for byte, but for what docs/PROTOCOL.md lists.

The scripts in oracle/ hold what both servers answer. A difference that its script does not mark
fails here, as does one that is marked and has gone, and one whose mark names no row of section 10;
and each row there is shown by a script, or said here to be out of a script's reach.
"""
import pathlib
import re
import unittest

import oracle
import wire

SCRIPTS = sorted((pathlib.Path(__file__).parent / "oracle").glob("*.txt"))
PROTOCOL = pathlib.Path(__file__).resolve().parents[2] / "docs" / "PROTOCOL.md"

# Rows of section 10 that a script cannot show, by how they begin, and what shows them instead.
OUT_OF_REACH = {
    "handles start at 1 again after a restart": "integration/lifecycle_test.py restarts the server",
    "no bound on what waits for a peer": "integration/limits_test.py has peers that do not read",
    "SUBMIT_REDUCE_JOB documented with 3 arguments": "it is gearmand's document that differs",
    "`shutdown` is gone since 1.1.15": "gearmand has no Unix socket; integration/admin_test.py",
}
ADMIN_COMMANDS = ("status", "prioritystatus", "workers", "show jobs", "show unique jobs",
                  "cancel job", "create function", "drop function", "maxqueue", "version",
                  "verbose", "getpid", "shutdown", "shutdown graceful")


def rows_of_section_10():
    section = PROTOCOL.read_text(encoding="utf-8").partition("\n## 10.")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.*?) \|", section, re.MULTILINE)
    return [row for row in rows if row != "gearmand"]


def verdict(expected, found):
    """In words, how a step differs from its script; "" when it does not."""
    if expected == found:
        return ""
    answers = "\n    ".join([f"at: {found.text}", *found.answers,
                             *(f'because "{reason}"' for reason in found.reasons)])
    if found.reasons == ["?"]:
        return f"a difference that is not listed {answers}"
    if expected.reasons and not found.reasons:
        return f"a listed difference has vanished (because {expected.reasons}) {answers}"
    return f"other answers than the script's {answers}"


class Oracle(unittest.TestCase):
    maxDiff = None

    def play(self, name):
        path = next(path for path in SCRIPTS if path.stem == name)
        for scenario in oracle.parse(path.read_text(encoding="utf-8")):
            if not scenario.title:
                continue
            with self.subTest(scenario.title, file=path.name, line=scenario.line):
                found = oracle.compare(scenario)
                wrong = [verdict(*pair) for pair in zip(scenario.steps, found.steps)]
                if any(wrong):
                    self.fail("\n" + "\n".join(text for text in wrong if text))

    def test_jobs_live_as_in_gearmand(self):
        self.play("jobs")

    def test_submits_join_as_in_gearmand(self):
        self.play("uniques")

    def test_workers_are_given_jobs_and_woken_as_by_gearmand(self):
        self.play("queues")

    def test_admin_commands_are_answered_as_by_gearmand(self):
        self.play("admin")

    def test_mistakes_are_answered_as_by_gearmand(self):
        self.play("errors")


class Scripts(unittest.TestCase):
    def setUp(self):
        self.scenarios = [scenario for path in SCRIPTS
                          for scenario in oracle.parse(path.read_text(encoding="utf-8"))]
        self.steps = [step for scenario in self.scenarios for step in scenario.steps]

    def test_every_script_is_played(self):
        played = re.findall(r'self\.play\("(\w+)"\)', pathlib.Path(__file__).read_text("utf-8"))
        self.assertEqual(sorted(played), [path.stem for path in SCRIPTS])

    def test_each_difference_names_one_row_of_the_document(self):
        rows = rows_of_section_10()
        for step in self.steps:
            for reason in step.reasons:
                with self.subTest(step.text, reason=reason):
                    self.assertEqual(len([row for row in rows if row.startswith(reason)]), 1)

    def test_each_row_of_the_document_is_shown_or_out_of_reach(self):
        reasons = {reason for step in self.steps for reason in step.reasons} | set(OUT_OF_REACH)
        for row in rows_of_section_10():
            with self.subTest(row):
                self.assertTrue(any(row.startswith(reason) for reason in reasons))
        for reason in OUT_OF_REACH:
            self.assertTrue(any(row.startswith(reason) for row in rows_of_section_10()), reason)

    def test_every_packet_and_admin_command_is_played(self):
        text = "\n".join([step.text for step in self.steps] +
                         [answer for step in self.steps for answer in step.answers])
        for name in oracle.TYPES:
            with self.subTest(name):
                self.assertRegex(text, rf"\b{name}\b")
        for command in ADMIN_COMMANDS:
            with self.subTest(command):
                self.assertRegex(text, rf"\| {command}\b")

    def test_no_line_is_written_twice_the_same_for_both(self):
        """A mark that says the same of both servers would mark nothing."""
        for step in self.steps:
            of = {server: [answer.partition(": ")[2] for answer in step.answers
                           if answer.startswith(server + ": ")] for server in ("gearmand", "gmand")}
            if step.reasons:
                self.assertNotEqual(of["gearmand"], of["gmand"], step.text)
            else:
                self.assertEqual(of, {"gearmand": [], "gmand": []}, step.text)


class Differences(unittest.TestCase):
    """The comparison itself says what is wrong: each promise of this file, broken once."""

    @staticmethod
    def verdict(script):
        scenario = oracle.parse("== it\n" + script)[0]
        found = oracle.compare(scenario)
        return "".join(verdict(*pair) for pair in zip(scenario.steps, found.steps))

    def test_what_both_answer_is_right_when_the_script_says_it(self):
        self.assertEqual(self.verdict("c > ECHO_REQ x\n    c < ECHO_RES x\n"), "")

    def test_what_the_script_does_not_say_is_wrong(self):
        self.assertIn("other answers", self.verdict("c > ECHO_REQ x\n"))
        self.assertIn("other answers", self.verdict("c > ECHO_REQ x\n    c < ECHO_RES y\n"))

    def test_a_difference_without_its_mark_is_wrong(self):
        self.assertIn("not listed", self.verdict("w > ALL_YOURS\n"))

    def test_a_mark_without_its_difference_is_wrong(self):
        self.assertIn("has vanished", self.verdict(
            'c > ECHO_REQ x\n    gearmand: c < ECHO_RES x\n    because "it was so"\n'))

    def test_a_difference_of_other_bytes_than_marked_is_wrong(self):
        self.assertIn("other answers", self.verdict(
            'w > ALL_YOURS\n    gearmand: w < NO_JOB\n    because "it was so"\n'))

    def test_bytes_that_are_written_alike_are_alike(self):
        for data in (b"", b" ", b"\0", b"\\0", b"'", b"x" * 19, b"x" * 20, b"20*x",
                     b"\xff\n\r\t\\"):
            with self.subTest(data):
                self.assertEqual(oracle.unescaped(oracle.quoted(data)), data)


class Types(unittest.TestCase):
    def test_the_names_are_those_of_the_protocol(self):
        self.assertEqual(len(oracle.TYPES), len(wire.ARGUMENTS))


if __name__ == "__main__":
    unittest.main()
