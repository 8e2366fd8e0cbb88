# SPDX-License-Identifier: BSD-3-Clause
"""tools/dev tells people what it can do, and says no to what it cannot."""

import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMANDS = ("deps build test servers test-servers pg-assert pg-valgrind pg-upgrade check format "
            "fuzz bench soak demo fresh").split()


def dev(*arguments):
    return subprocess.run(
        [ROOT / "tools/dev", *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


class ToolsDev(unittest.TestCase):
    def test_lists_every_command_with_what_it_does(self):
        done = dev("--help")
        self.assertEqual(done.returncode, 0, done.stderr)
        listed = re.findall(r"^  ([\w-]+) +\S.{10,}$", done.stdout, re.MULTILINE)
        self.assertEqual(listed, COMMANDS)
        self.assertEqual(dev().stdout, done.stdout)

    def test_explains_each_command(self):
        for command in COMMANDS:
            with self.subTest(command=command):
                done = dev(command, "--help")
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(f"Usage: tools/dev {command}", done.stdout)
                self.assertNotIn("SPDX", done.stdout)
                self.assertEqual(dev("help", command).stdout, done.stdout)

    def test_refuses_an_unknown_command_and_suggests_a_near_one(self):
        near = {"tests": "test", "bild": "build", "chekc": "check", "formt": "format"}
        for word, meant in near.items():
            with self.subTest(word=word):
                done = dev(word)
                self.assertEqual(done.returncode, 2)
                self.assertEqual(done.stdout, "")
                self.assertIn(f"unknown command '{word}'; did you mean '{meant}'?", done.stderr)

    def test_refuses_arguments_that_a_command_does_not_know(self):
        for arguments in (
            ["deps", "--now"],
            ["check", "spelling"],
            ["fresh", "--nonsense"],
            ["pg-assert", "--all"],
            ["pg-valgrind", "--all"],
            ["pg-upgrade", "postgresql-16"],
            ["fuzz", "everything"],
            ["servers", "mysql-4.1"],
            ["servers", "--all"],
            ["fuzz", "--seconds", "soon"],
        ):
            with self.subTest(arguments=arguments):
                done = dev(*arguments)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(f"tools/dev {arguments[0]} --help", done.stderr)

    def test_is_what_the_readme_tells_a_newcomer_to_type_first(self):
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        first_block = re.search(r"^```\w*\n(.*?)^```", readme, re.MULTILINE | re.DOTALL).group(1)
        self.assertEqual(first_block, "tools/dev demo\ntools/dev test\n")

    def test_names_no_package_twice(self):
        text = (ROOT / "tools/dev.d/packages.txt").read_text(encoding="utf-8")
        names = [line for line in text.splitlines() if line and not line.startswith("#")]
        self.assertEqual(len(names), len(set(names)))
        for name in names:
            self.assertRegex(name, r"^[a-z0-9][a-z0-9.+-]+$")


if __name__ == "__main__":
    unittest.main()
