# SPDX-License-Identifier: BSD-3-Clause
"""A gman-relay that lives as long as a `with` block, and one that ships what is due and ends.

    with Relay(database.url, to=gmand.address) as relay:
        relay.wait_log("connected")
    done = ship_once(database.url, to=gmand.address)
"""
import os
import pathlib
import signal
import subprocess

from logging_process import LoggingProcess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD_DIR = pathlib.Path(os.environ.get("GMAN_BUILD_DIR", ROOT / "build" / "release"))
BINARY = BUILD_DIR / "bin" / "gman-relay"


def command(*urls, to, options=()):
    words = [str(BINARY)]
    for url in urls:
        words += ["--from", url]
    return [*words, "--to", to, *map(str, options)]


def run_relay(*words, seconds=60):
    """Runs it with these words to its end: a CompletedProcess with text."""
    return subprocess.run([str(BINARY), *map(str, words)], capture_output=True, text=True,
                          timeout=seconds, check=False)


def ship_once(*urls, to, options=()):
    return run_relay(*command(*urls, to=to, options=options)[1:], "--once")


class Relay(LoggingProcess):
    def __init__(self, *urls, to, options=(), ready=True):
        """`ready`: wait until it has opened every outbox and has a job server."""
        super().__init__()
        self._command = command(*urls, to=to, options=options)
        self._outboxes = len(urls)
        self._ready = ready

    def __enter__(self):
        self.process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE)
        self.read_log()
        try:
            self.wait_log(" started ")  # from when on it can be told to stop
            if self._ready:
                self.wait_log(" outbox opened ", self._outboxes)
                self.wait_log(" connected server=")
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, kind, *_):
        if self.process.poll() is not None:
            return
        status = self.stop()
        if kind is None and status != 0:
            raise AssertionError(f"gman-relay ended with {status}:\n{self.log()}")

    def stop(self):
        """SIGTERM; the exit status."""
        self.signal(signal.SIGTERM)
        return self.wait()
