# SPDX-License-Identifier: BSD-3-Clause
"""Directories that are made once in a process and copied from then on.

To make a database server's first files takes seconds of processor time, and a test run starts
hundreds of servers."""
import atexit
import pathlib
import shutil
import subprocess
import tempfile

_made = {}


def copy(key, target, make):
    """Makes the directory `target`, as `make` makes the one that it is called with: once for each
    `key`, in a directory of its own whose parent is open to everybody. Owners and times stay."""
    if key not in _made:
        parent = pathlib.Path(tempfile.mkdtemp(prefix="gman-made-", dir="/tmp"))
        atexit.register(shutil.rmtree, parent, ignore_errors=True)
        parent.chmod(0o711)
        make(parent / "made")
        _made[key] = parent / "made"
    subprocess.run(["cp", "-a", "--reflink=auto", _made[key], target], check=True)
