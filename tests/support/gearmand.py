# SPDX-License-Identifier: BSD-3-Clause
"""Debian's gearmand that lives as long as a `with` block, on a free port of 127.0.0.1.

It has no Unix socket, cannot choose its port, and does not say when it listens. So the port is one
that was free a moment ago, and whoever connects first tells that it is ready; where another process
was quicker to take the port, another one is tried. Leaving the block kills it: it has bugs of its
own, and how it ends is not what our tests are about.

    with Gearmand("--job-retries", "2") as gearmand:
        peer = Peer(gearmand.address)
"""
import os
import shutil
import socket
import subprocess
import time

from administered import Administered
from wire import connect

BINARY = shutil.which("gearmand", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
START_SECONDS = 20
STOP_SECONDS = 30
PORTS_TRIED_MAX = 5


class Gearmand(Administered):
    def __init__(self, *args):
        """`args` are further options."""
        self._args = [str(arg) for arg in args]
        self._process = None
        self.port = None

    def __enter__(self):
        if BINARY is None:
            raise AssertionError("gearmand is not installed: tools/dev deps installs it")
        try:
            for _ in range(PORTS_TRIED_MAX):
                if self._start():
                    return self
        except BaseException:
            self.kill()
            raise
        raise AssertionError(f"gearmand did not start on any of {PORTS_TRIED_MAX} free ports")

    def __exit__(self, *_):
        self.kill()

    @property
    def pid(self):
        return self._process.pid

    def kill(self):
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(STOP_SECONDS)

    def _start(self):
        """Whether it listens now; it ends by itself when its port is taken."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("GEARMAN")}
        self._process = subprocess.Popen(
            [BINARY, "--listen=127.0.0.1", f"--port={self.port}", "--log-file=none", *self._args],
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        until = time.monotonic() + START_SECONDS
        while self._process.poll() is None:
            try:
                with connect(self.address) as first:
                    # Until it has forgotten this connection, which `workers` would list.
                    first.shutdown(socket.SHUT_WR)
                    first.recv(1)
                return True
            except ConnectionRefusedError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.005)
        return False
