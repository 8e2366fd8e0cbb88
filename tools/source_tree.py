# SPDX-License-Identifier: BSD-3-Clause
"""What the checks need to know about the sources: which files there are, who includes whom."""

import functools
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+([<"])([^>"]+)[>"]', re.MULTILINE)
INCLUDE_ROOTS = (ROOT, ROOT / "client/include")


def files(*patterns, root=ROOT):
    """Tracked and new files that exist, as paths relative to the root."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"]
    listing = subprocess.run(
        [*command, *patterns], cwd=root, check=True, capture_output=True, text=True
    ).stdout
    names = sorted(set(filter(None, listing.split("\0"))))
    return [pathlib.PurePosixPath(name) for name in names if (root / name).is_file()]


def includes(text):
    """The (delimiter, name) pairs of a file's #include lines; delimiter is '<' or '"'."""
    return INCLUDE.findall(text)


@functools.cache
def resolved_includes(path):
    """The files of this repository that the file at this absolute path includes directly."""
    found = []
    for _, name in includes(path.read_text(encoding="utf-8")):
        for base in (path.parent, *INCLUDE_ROOTS):
            if (base / name).is_file():
                found.append((base / name).resolve())
                break
    return found


def include_closure(path):
    """The file itself and every file of this repository that it includes, in a stable order."""
    seen = set()
    pending = [path.resolve()]
    while pending:
        current = pending.pop()
        if current not in seen:
            seen.add(current)
            pending.extend(resolved_includes(current))
    return sorted(seen)
