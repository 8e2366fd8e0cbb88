# SPDX-License-Identifier: BSD-3-Clause
"""A gmand that lives as long as a `with` block.

It listens on a free port of 127.0.0.1 and on a Unix socket below a private directory in /tmp.
Leaving the block stops it, and fails when it had ended by itself, with what it logged.

    with Gmand("--job-retries", "2") as gmand:
        peer = Peer(gmand.address)               # or Peer(gmand.unix_socket)
        print(gmand.admin("status"))
"""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from administered import Administered

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD_DIR = pathlib.Path(os.environ.get("GMAN_BUILD_DIR", ROOT / "build" / "release"))
BINARY = BUILD_DIR / "bin" / "gmand"
START_SECONDS = 20
STOP_SECONDS = 30


def is_sanitized():
    """A sanitizer keeps freed memory back and adds its own, so there is none to be measured."""
    cache = (BUILD_DIR / "CMakeCache.txt").read_text(encoding="utf-8")
    return re.search(r"^GMAN_SANITIZE:\w+=.", cache, re.MULTILINE) is not None


class Gmand(Administered):
    def __init__(self, *args, env=None, listen=("127.0.0.1",), unix_socket=True, fds_max=None,
                 prefix=(), log_file=None, ready="listening address=unix:",
                 start_seconds=START_SECONDS):
        """`args` are further options; `env` is added to the environment; without `unix_socket`
        the caller has named one in `args`; `fds_max` limits its descriptors; `prefix` is a command
        to start it under; `log_file` is where `args` let it log, and `ready` is the end of what it
        says when it is ready: TCP listeners come first, so the Unix socket's line means all, and
        it has `start_seconds` for that."""
        self._args = [str(arg) for arg in args]
        self._env = env
        self._listen = listen
        self._with_unix_socket = unix_socket
        self._log_file = log_file
        self._ready = ready
        self._start_seconds = start_seconds
        self._fds_max = fds_max
        self._prefix = [str(word) for word in prefix]
        self._process = None
        self._expected_to_end = False
        self._log = []
        self._log_changed = threading.Condition()
        self.directory = None
        self.unix_socket = None
        self.log_path = None
        self.port = None
        self.address = None
        self.addresses = []

    def __enter__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="gman-d-", dir="/tmp"))
        self.unix_socket = str(self.directory / "gmand.sock")
        self.log_path = self.directory / "gmand.log"
        try:
            self._start()
        except BaseException:
            self.kill()
            shutil.rmtree(self.directory, ignore_errors=True)
            raise
        return self

    def __exit__(self, kind, error, _):
        try:
            self._end(failing=kind is not None)
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)
        if error is not None and hasattr(error, "add_note"):
            error.add_note("gmand logged:\n" + self.log()[-4000:])

    @property
    def pid(self):
        return self._process.pid

    @property
    def process(self):
        return self._process

    def _start(self):
        command = [*self._prefix, str(BINARY), "--port", "0"]
        for address in self._listen:
            command += ["--listen", address]
        if self._with_unix_socket:
            command += ["--unix-socket", self.unix_socket]
        command += self._args
        environment = {k: v for k, v in os.environ.items() if not k.startswith("GEARMAN")}
        environment.update(self._env or {})

        def limit_descriptors():
            import resource  # pylint: disable=import-outside-toplevel
            resource.setrlimit(resource.RLIMIT_NOFILE, (self._fds_max, self._fds_max))

        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
            preexec_fn=limit_descriptors if self._fds_max else None)
        threading.Thread(target=self._copy_log, daemon=True).start()
        if self._log_file is None:
            self.wait_log(self._ready, self._start_seconds)
            log = self.log()
        else:
            log = self._wait_log_file()
        self.addresses = re.findall(r'listening(?: address=|","address":")([^\s"]+)', log)
        for address in self.addresses:
            if address.startswith("127.0.0.1:"):
                self.address = address
                self.port = int(address.rpartition(":")[2])

    def _wait_log_file(self):
        until = time.monotonic() + self._start_seconds
        while time.monotonic() < until and self._process.poll() is None:
            if os.path.exists(self._log_file):
                with open(self._log_file, encoding="utf-8") as file:
                    text = file.read()
                if self._ready in text:
                    return text
            time.sleep(0.005)
        raise AssertionError(f"gmand is not ready:\n{self.log()}")

    def _copy_log(self):
        with self._process.stderr as stream, open(self.log_path, "ab") as file:
            for line in stream:
                file.write(line)
                file.flush()
                with self._log_changed:
                    self._log.append(line.decode(errors="replace"))
                    self._log_changed.notify_all()
        with self._log_changed:
            self._log.append("")
            self._log_changed.notify_all()

    def log(self):
        """Everything it wrote to standard error so far."""
        with self._log_changed:
            return "".join(self._log)

    def wait_log(self, text, seconds=10):
        """The first line that holds `text`, as soon as it is there."""
        until = time.monotonic() + seconds
        with self._log_changed:
            while True:
                for line in self._log:
                    if text in line:
                        return line
                ended = bool(self._log) and self._log[-1] == ""
                left = until - time.monotonic()
                if ended or left <= 0:
                    raise AssertionError(f"gmand did not log {text!r}:\n" + "".join(self._log))
                self._log_changed.wait(left)

    def signal(self, number):
        self._process.send_signal(number)

    def wait(self, seconds=STOP_SECONDS):
        """Its exit status, once it has ended as the test wanted."""
        self._expected_to_end = True
        return self._process.wait(seconds)

    def stop(self):
        """SIGTERM, which lets running jobs end; the exit status."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self):
        self._expected_to_end = True
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(STOP_SECONDS)

    def _end(self, failing):
        if self._process.poll() is not None:
            if self._expected_to_end or failing:
                return
            raise AssertionError(f"gmand ended with {self._process.returncode}:\n{self.log()}")
        # The second signal ends it at once, whatever is still running.
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGINT)
        try:
            status = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            if not failing:
                raise
            return
        if status != 0 and not failing:
            raise AssertionError(f"gmand ended with {status}:\n{self.log()}")
