# SPDX-License-Identifier: BSD-3-Clause
"""The demo itself: that it shows what it promises, and that nothing of it stays behind."""
import os
import pathlib
import pty
import re
import signal
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEMO = [sys.executable, "-B", str(ROOT / "tools" / "demo.py")]
SECONDS_MAX = 150


def leftovers(mark):
    """Command lines of processes whose environment holds `mark`."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # it has ended, or is not ours
    return found


class Demo(unittest.TestCase):
    def start(self, *options, **popen):
        """The demo in a process group of its own, as a shell starts it."""
        self.mark = f"GMAN_DEMO_TEST={os.getpid()}.{self.id()}"
        name, _, value = self.mark.partition("=")
        process = subprocess.Popen([*DEMO, *options], env=dict(os.environ, **{name: value}),
                                   start_new_session=True, **popen)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def start_piped(self, *options):
        process = self.start(*options, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             stdin=subprocess.DEVNULL, text=True)
        self.addCleanup(process.stdout.close)
        return process

    def read_until(self, process, text):
        """Reads lines up to the one that holds `text`; fails when the demo ends without it."""
        lines = []
        for line in process.stdout:
            lines.append(line)
            if text in line:
                return "".join(lines)
        self.fail(f"no {text!r} in:\n{''.join(lines)}")

    def assert_nothing_stays(self, output):
        self.assertEqual(leftovers(self.mark), [])
        directories = set(re.findall(r"/tmp/gman-[-\w]+", output))
        self.assertGreaterEqual(len(directories), 4, "gmand's, two databases' and the demo's own")
        self.assertEqual([path for path in directories if os.path.exists(path)], [])

    def test_crawls_the_manual_through_both_databases_and_leaves_nothing_behind(self):
        process = self.start_piped()
        output = process.communicate(timeout=SECONDS_MAX)[0]
        self.assertEqual(process.returncode, 0, output)
        self.assertEqual(output.count("olleH"), 2, output)
        self.assertIn("Routine Vacuuming", output)
        self.assertRegex(output, r"rows seen +1,169 +1,169\n")
        self.assertRegex(output, r"pages indexed +1,169 +1,169\n")
        self.assertRegex(output, r"failed +0 +0\n")
        self.assertNotIn("\x1b", output, "no colours in a pipe")
        self.assert_nothing_stays(output)

    def test_interrupted_in_mid_crawl_it_leaves_nothing_behind(self):
        process = self.start_piped()
        output = self.read_until(process, "jobs queued")
        os.killpg(process.pid, signal.SIGINT)  # what Ctrl-C does: all of the group get it
        rest = process.communicate(timeout=SECONDS_MAX)[0]
        self.assertEqual(process.returncode, 130, rest)
        self.assertNotIn("Traceback", rest)
        self.assert_nothing_stays(output)

    def test_stays_up_when_told_to_until_it_is_told_to_end(self):
        process = self.start_piped("--stay")
        output = self.read_until(process, "ends it all")
        self.assertIn("SELECT * FROM crawl;", output)
        command = next(line for line in output.split("\n") if "$ psql -h " in line)
        rows = subprocess.run([*command.split("$ ")[1].split(), "-XAtc",
                               "SELECT indexed FROM crawl"],
                              stdout=subprocess.PIPE, text=True, check=True, timeout=30).stdout
        self.assertEqual(rows, "1169\n")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=SECONDS_MAX)
        self.assertEqual(process.returncode, 128 + signal.SIGTERM)
        self.assert_nothing_stays(output)

    def test_says_which_step_failed_and_shows_a_log(self):
        with tempfile.TemporaryDirectory() as build:
            process = subprocess.run(DEMO, env=dict(os.environ, GMAN_BUILD_DIR=build),
                                     stdout=subprocess.PIPE, text=True, timeout=SECONDS_MAX)
        self.assertEqual(process.returncode, 1)
        self.assertIn("not built: gmand, gman, narada-insert", process.stdout)
        self.assertIn("tools/dev build", process.stdout)

    def test_rewrites_one_line_and_uses_colours_on_a_terminal(self):
        ours, theirs = pty.openpty()
        process = self.start(stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        output = b""
        while True:
            try:
                output += os.read(ours, 65536)
            except OSError:  # the other side has been closed
                break
        os.close(ours)
        self.assertEqual(process.wait(SECONDS_MAX), 0, output.decode())
        self.assertIn(b"\r\x1b[K", output)
        self.assertIn(b"\x1b[36m", output)


if __name__ == "__main__":
    unittest.main(verbosity=2)
