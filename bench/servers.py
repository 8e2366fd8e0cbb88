# SPDX-License-Identifier: BSD-3-Clause
"""The servers that are compared, each alive as long as a `with` block, and what /proc says of them.

    with start("gmand") as server:
        server.tcp, server.unix, server.pid, server.resident_bytes()

Each listens on a free port of 127.0.0.1 and, if it can, on a Unix socket in a private directory.
"""

import contextlib
import dataclasses
import os
import pathlib
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/support"))

# pylint: disable=wrong-import-position
from gman_command import BINARY as GMAN  # pylint: disable=unused-import
from gmand import BUILD_DIR, Gmand

LEAST = BUILD_DIR / "bin/bench/least"
START_SECONDS = 30
STOP_SECONDS = 60


@dataclasses.dataclass
class Server:
    name: str
    pid: int
    tcp: str
    unix: str | None = None

    def resident_bytes(self):
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"^VmRSS:\s+(\d+) kB", text, re.MULTILINE).group(1)) * 1024


def gearmand_binary():
    """Debian's, which is in nobody's PATH but root's; None when it is not installed."""
    return shutil.which("gearmand", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")


def gearmand_version():
    done = subprocess.run([gearmand_binary(), "--version"], capture_output=True, text=True,
                          check=True)
    return done.stdout.split()[1]


def allow_descriptors():
    """As many as the system lets us have, here and in what we start."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


@contextlib.contextmanager
def stopped_at_the_end(process):
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)


@contextlib.contextmanager
def gmand():
    with Gmand() as server:
        yield Server("gmand", server.pid, server.address, f"unix:{server.unix_socket}")


@contextlib.contextmanager
def gearmand(threads):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [gearmand_binary(), "--listen=127.0.0.1", f"--port={port}", "--log-file=stderr",
         f"--threads={threads}", "--backlog=1024"],
        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with stopped_at_the_end(process):
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > until:
                    raise
                time.sleep(0.01)
        yield Server(f"gearmand -t {threads}", process.pid, f"127.0.0.1:{port}")


@contextlib.contextmanager
def least():
    with tempfile.TemporaryDirectory(prefix="gman-least-", dir="/tmp") as directory:
        process = subprocess.Popen([LEAST, "0", f"{directory}/least.sock"], text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        with process.stdout, stopped_at_the_end(process):
            tcp, unix = (process.stdout.readline().split()[1] for _ in range(2))
            yield Server("least", process.pid, tcp, unix)


STARTERS = {
    "gmand": gmand,
    "gearmand -t 4": lambda: gearmand(4),
    "gearmand -t 1": lambda: gearmand(1),
    "least": least,
}


def start(name):
    return STARTERS[name]()
