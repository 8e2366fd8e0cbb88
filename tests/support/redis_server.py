# SPDX-License-Identifier: BSD-3-Clause
"""A private Redis that lives as long as a `with` block, on a free port of 127.0.0.1, which keeps
what it is told as well as it can: every write is synced before it is answered.

    with PrivateRedis("--requirepass", "secret") as server:
        print(server.ask("GET", "gmand:schema"))
"""
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

START_SECONDS = 20
STOP_SECONDS = 30
PORTS_TRIED_MAX = 5


class PrivateRedis:
    def __init__(self, *options, password=None):
        self._options = list(options)
        self._password = password
        if password is not None:
            self._options += ["--requirepass", password]
        self._process = None
        self.directory = None
        self.port = None

    def __enter__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="gman-redis-", dir="/tmp"))
        try:
            for _ in range(PORTS_TRIED_MAX):
                if self._start():
                    return self
        except BaseException:
            self._end()
            raise
        self._end()
        raise AssertionError(f"Redis did not start on any of {PORTS_TRIED_MAX} free ports")

    def __exit__(self, *_):
        self._end()

    def ask(self, *words):
        """What redis-cli prints of the answer."""
        command = ["redis-cli", "-h", "127.0.0.1", "-p", str(self.port), "--no-auth-warning"]
        if self._password is not None:
            command += ["-a", self._password]
        done = subprocess.run([*command, *words], capture_output=True, text=True, check=True,
                              timeout=START_SECONDS)
        return done.stdout.removesuffix("\n")

    def _start(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._process = subprocess.Popen(
            ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", "",
             "--appendonly", "yes", "--appendfsync", "always", "--dir", self.directory,
             *self._options],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + START_SECONDS
        while self._process.poll() is None:
            try:
                if self.ask("PING") == "PONG":
                    return True
            except subprocess.CalledProcessError:  # it does not listen yet
                if time.monotonic() > until:
                    raise
        return False

    def _end(self):
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(STOP_SECONDS)
        shutil.rmtree(self.directory, ignore_errors=True)
