# SPDX-License-Identifier: BSD-3-Clause
"""The life of a server of somebody else's that a test has for itself: one directory, one process,
one free port of 127.0.0.1, from the beginning of a `with` block to its end.

A subclass says how its server is prepared and started, what it prints when it is ready, and how it
is asked to end. Started by the system's root, a server runs as an ordinary user where the subclass
names some, since it refuses root."""
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile

START_SECONDS = 60
STOP_SECONDS = 60
PORTS_TRIED_MAX = 5


class PrivateServer:
    # What a subclass says of its server.
    name = None           # for people
    prefix = None         # of its directory; sockets have short paths
    ready = None          # in its log, when it can be connected to
    port_is_taken = None  # in its log, when somebody else was quicker to take the port
    accounts = ()         # whom it may run as in place of root, the first that there is
    stop_signal = signal.SIGTERM
    end_signal = signal.SIGKILL  # when it does not stop, or did not start

    def __init__(self, parent="/tmp", namespace=None):
        """`namespace` is where the server runs, see stages.SilentResolver."""
        self._parent = parent
        self._namespace = namespace
        self._process = None
        self.directory = None
        self.port = None

    def __enter__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=self.prefix, dir=self._parent))
        try:
            self._give(self.directory)
            self._prepare()
            self._start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)

    pid = property(lambda self: self._process.pid)

    def log(self):
        """What the server has printed since it was started last."""
        return (self.directory / "log").read_text(errors="replace")

    def stop(self):
        """Asks it to end, and returns its exit status. Idempotent."""
        if self._process is None:
            return None
        self._process.send_signal(self.stop_signal)
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.send_signal(self.end_signal)
            self._process.wait(STOP_SECONDS)
            raise
        finally:
            self._process = None

    def restart(self):
        """Stops it and starts it again, at the same port."""
        self.stop()
        if not self._ready():
            raise RuntimeError(f"{self.name} did not start again:\n{self.log()}")

    def crash(self):
        """SIGKILL for its process alone: what it has started has to notice by itself."""
        self._process.kill()
        self._process.wait()
        self._process = None

    def crash_and_restart(self):
        """SIGKILL, and a start that recovers, at the same port."""
        self.crash()
        if not self._ready():
            raise RuntimeError(f"{self.name} did not start again:\n{self.log()}")

    def kill(self):
        """Ends it at once, and the files with it: for a server that did not start."""
        if self._process is not None:
            self._process.send_signal(self.end_signal)
            self._process.wait(STOP_SECONDS)
            self._process = None
        shutil.rmtree(self.directory, ignore_errors=True)

    # For subclasses.

    def _prepare(self):
        """Whatever is to be there before the first start."""

    def _command(self):
        """Program and arguments, for self.port."""
        raise NotImplementedError

    def _environment(self):
        return None

    def _run_once(self, command):
        """A program that prepares something, as the server's user."""
        made = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              cwd=self.directory, env=self._environment(), check=False,
                              **self._as_account())
        if made.returncode != 0:
            raise RuntimeError(f"{command[0]} failed:\n{made.stdout.decode()}")

    def _give(self, path):
        """To the server's user."""
        account = self._account()
        if account is not None:
            os.chown(path, account.pw_uid, account.pw_gid)

    def _start(self):
        for _ in range(PORTS_TRIED_MAX):
            with socket.create_server(("127.0.0.1", 0)) as free:
                self.port = free.getsockname()[1]
            if self._ready():
                return
            if self.port_is_taken not in self.log():
                break
        raise RuntimeError(f"{self.name} did not start:\n{self.log()}")

    def _ready(self):
        """Whether it can be connected to now."""
        with open(self.directory / "log", "wb") as log:
            if self._namespace is None:
                command, account = self._command(), self._as_account()
            else:
                command = [*self._namespace.prefix(self._account()), *self._command()]
                account = {}
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory,
                env=self._environment(), **account)
        for _ in range(START_SECONDS * 50):
            try:
                self._process.wait(0.02)
                self._process = None
                return False
            except subprocess.TimeoutExpired:
                if self.ready in self.log():
                    return True
        return False

    def _account(self):
        """None: our own will do."""
        if not self.accounts or os.geteuid() != 0:
            return None
        for name in self.accounts:
            try:
                return pwd.getpwnam(name)
            except KeyError:
                continue
        raise RuntimeError(f"{self.name} refuses to run as root, and there is no account "
                           + " or ".join(self.accounts))

    def _as_account(self):
        account = self._account()
        if account is None:
            return {}
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
