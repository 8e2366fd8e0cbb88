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
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD_DIR = pathlib.Path(os.environ.get("GMAN_BUILD_DIR", ROOT / "build" / "release"))
BINARY = BUILD_DIR / "bin" / "gman-relay"
STOP_SECONDS = 30


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


class Relay:
    def __init__(self, *urls, to, options=(), ready=True):
        """`ready`: wait until it has opened every outbox and has a job server."""
        self._command = command(*urls, to=to, options=options)
        self._outboxes = len(urls)
        self._ready = ready
        self._log = []
        self._log_changed = threading.Condition()
        self._has_ended = False
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE)
        self._reader = threading.Thread(target=self._copy_log, daemon=True)
        self._reader.start()
        try:
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

    def _copy_log(self):
        with self.process.stderr as stream:
            for line in stream:
                with self._log_changed:
                    self._log.append(line.decode(errors="replace"))
                    self._log_changed.notify_all()
        with self._log_changed:
            self._has_ended = True
            self._log_changed.notify_all()

    pid = property(lambda self: self.process.pid)

    def log(self):
        with self._log_changed:
            return "".join(self._log)

    def wait_log(self, text, count=1, seconds=20):
        """The lines with `text`, once there are `count` of them."""
        until = time.monotonic() + seconds
        with self._log_changed:
            while True:
                found = [line for line in self._log if text in line]
                if len(found) >= count:
                    return found
                left = until - time.monotonic()
                if self._has_ended or left <= 0:
                    raise AssertionError(f"not logged: {text!r}\n" + "".join(self._log))
                self._log_changed.wait(left)

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """SIGTERM; the exit status."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def wait(self, seconds=STOP_SECONDS):
        status = self.process.wait(seconds)
        self._reader.join(STOP_SECONDS)
        return status

    def kill(self):
        self.process.kill()
        self.wait()
