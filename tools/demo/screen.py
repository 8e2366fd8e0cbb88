# SPDX-License-Identifier: BSD-3-Clause
"""What the demo writes: steps, commands, one progress line that rewrites itself, search results.

Colours and rewriting are for terminals; NO_COLOR turns colours off. Elsewhere (a pipe, a CI log)
progress is a line a second.
"""
import os
import shutil
import sys
import textwrap

PROGRESS_SECONDS = 1.0
REWRITE_SECONDS = 0.25


class Screen:
    def __init__(self, out=sys.stdout):
        self.out = out
        self.rewrites = out.isatty() and os.environ.get("TERM") != "dumb"
        self.colours = self.rewrites and not os.environ.get("NO_COLOR")
        self.progress_seconds = REWRITE_SECONDS if self.rewrites else PROGRESS_SECONDS
        self._in_progress = False

    def step(self, title):
        self._line("")
        self._line(self._painted("1", title))

    def say(self, text=""):
        for line in text.split("\n"):
            self._line(f"  {line}" if line else "")

    def command(self, prompt, text):
        """A command or a statement, as it is run."""
        first, *rest = text.split("\n")
        self._line(f"  {self._painted('2', prompt)} {self._painted('36', first)}")
        for line in rest:
            self._line(f"  {' ' * len(prompt)} {self._painted('36', line)}")

    def result(self, text):
        self._line(f"  {self._painted('32', text)}")

    def warn(self, text):
        self._line(self._painted("31;1", text))

    def progress(self, text):
        """Call it every `progress_seconds`."""
        if self.rewrites:
            self.out.write(f"\r\x1b[K  {text[:self._width() - 3]}")
            self.out.flush()
            self._in_progress = True
        else:
            self._line(f"  {text}")

    def progress_done(self, text):
        if self._in_progress:
            self.out.write("\r\x1b[K")
            self._in_progress = False
        self._line(f"  {text}")

    def hit(self, rank, title, url, snippet):
        self._line(f"  {rank:>3}  {self._painted('1', title)}")
        self._line(f"       {self._painted('34', url)}")
        for line in textwrap.wrap(" ".join(snippet.split()), self._width() - 8):
            self._line(f"       {self._marked(line)}")

    def table(self, rows):
        """Numbers to the right; the first row is the heading, the first column the names."""
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        for number, row in enumerate(rows):
            cells = [cell.ljust(width) if i == 0 else cell.rjust(width)
                     for i, (cell, width) in enumerate(zip(row, widths))]
            text = "   ".join(cells)
            self._line(f"  {self._painted('1', text) if number == 0 else text}")

    def _marked(self, text):
        """**found** words of a snippet, in bold on a terminal."""
        if not self.colours:
            return text
        parts = text.split("**")
        return "".join(self._painted("33;1", part) if i % 2 else part
                       for i, part in enumerate(parts))

    def _painted(self, code, text):
        return f"\x1b[{code}m{text}\x1b[0m" if self.colours else text

    def _width(self):
        return min(shutil.get_terminal_size().columns, 100)

    def _line(self, text):
        if self._in_progress:
            self.out.write("\n")
            self._in_progress = False
        self.out.write(text + "\n")
        self.out.flush()
