# SPDX-License-Identifier: BSD-3-Clause
"""The `gman` command as its users run it.

    done = gman("do", "reverse", "Hello", servers=gmand.address)
    done.returncode, done.stdout, done.stderr           # stdout is bytes, stderr is text

    with GmanWorker("reverse", "--", "rev", servers=gmand.address) as worker:
        ...                                             # connected; leaving the block stops it
"""
import os
import pathlib
import signal
import subprocess

from logging_process import PATIENCE_SECONDS, LoggingProcess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD_DIR = pathlib.Path(os.environ.get("GMAN_BUILD_DIR", ROOT / "build" / "release"))
BINARY = BUILD_DIR / "bin" / "gman"

# Nothing listens there, and nothing can begin to.
DOWN = "unix:/nonexistent/gmand.sock"


def environment(servers=None, extra=None):
    variables = {k: v for k, v in os.environ.items() if k not in ("GMAN_SERVERS", "NO_COLOR")}
    if servers is not None:
        variables["GMAN_SERVERS"] = servers
    variables.update(extra or {})
    return variables


class Done:
    """How a run of a command ended."""

    def __init__(self, returncode, stdout, stderr):
        self.returncode = returncode
        self.stdout = stdout
        self.stderr = stderr

    def __repr__(self):
        return f"exit {self.returncode}, stdout {self.stdout!r}, stderr {self.stderr!r}"


def gman(*args, servers=None, stdin=b"", seconds=PATIENCE_SECONDS, extra=None):
    """Runs it to its end. `servers` travels as GMAN_SERVERS; stdin=None is an empty terminal's
    opposite: /dev/null."""
    done = subprocess.run(
        [str(BINARY), *map(str, args)], input=stdin, env=environment(servers, extra),
        capture_output=True, timeout=seconds, check=False)
    return Done(done.returncode, done.stdout, done.stderr.decode(errors="replace"))


class GmanWorker(LoggingProcess):
    """`gman worker ARGS`, connected to every server of the list. Its log is kept."""

    def __init__(self, *args, servers, connected=None, extra=None, prefix=()):
        """`connected`: how many servers to wait for; all of the list unless told. `prefix` is a
        command that starts it."""
        super().__init__()
        self._prefix = list(prefix)
        self._args = [str(arg) for arg in args]
        self._environment = environment(servers, extra)
        self._connections = len(servers.split(",")) if connected is None else connected

    def __enter__(self):
        self.process = subprocess.Popen(
            [*self._prefix, str(BINARY), "worker", *self._args], env=self._environment,
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.read_log()
        try:
            self.wait_log(" connected server=", self._connections)
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, kind, *_):
        if self.process.poll() is not None:
            return
        self.signal(signal.SIGTERM)
        try:
            status = self.wait(5)
        except subprocess.TimeoutExpired:
            self.kill()
            if kind is None:
                raise
            return
        if kind is None and status != 0:
            raise AssertionError(f"gman worker ended with {status}:\n{self.log()}")
