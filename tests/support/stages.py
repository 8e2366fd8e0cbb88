# SPDX-License-Identifier: BSD-3-Clause
"""Where a call to a job server may have to wait before a word was said: for its name, and for its
connection. `reached` is set once the call is there, or would be."""
import contextlib
import os
import socket
import subprocess
import sys
import threading


class FullBacklog:
    """Lets nobody connect: what would be accepted next is in the queue already."""

    def __enter__(self):
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._waiting = []
        self.reached = threading.Event()
        while True:
            client = socket.socket()
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                client.connect(self._listener.getsockname())
            self._waiting.append(client)
            client.settimeout(0.2)
            try:
                client.send(b"x")
            except OSError:  # it is not connected: the queue is full
                break
        self.reached.set()
        return self

    def __exit__(self, *_):
        for one in (*self._waiting, self._listener):
            one.close()


# In namespaces of its own: the only network there is a loopback, whose port 53 hears what is asked
# and does not answer. It lives until its input ends.
_SILENCE = """
import ctypes, fcntl, os, socket, struct, sys
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
libc = ctypes.CDLL(None, use_errno=True)
libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None)  # in a chroot, "/" is no mount
system = os.path.realpath("/etc/resolv.conf")
if os.path.exists(system):  # without it, 127.0.0.1 is asked anyway
    if libc.mount(sys.argv[1].encode(), system.encode(), None, MS_BIND, None) != 0:
        sys.exit("mount: " + os.strerror(ctypes.get_errno()))
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
silent.bind(("127.0.0.1", 53))
print("silent", flush=True)
if os.fork() == 0:
    while True:
        silent.recv(4096)
        print("asked", flush=True)
sys.stdin.read()
os.kill(0, 15)
"""


class SilentResolver:
    """Name servers that do not answer, for a server that is started by `prefix` (an account's).

    Root may make such namespaces anywhere; others may in a user namespace of theirs, where the
    system allows that."""

    address = "job-server.test:4730"

    def __init__(self, directory):
        self._directory = directory
        self.reached = threading.Event()

    def __enter__(self):
        config = os.path.join(self._directory, "resolv.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write("nameserver 127.0.0.1\n")
        user = [] if os.geteuid() == 0 else ["--map-current-user", "--keep-caps"]
        self._keeper = subprocess.Popen(
            ["unshare", *user, "--mount", "--net", "--propagation", "unchanged",
             sys.executable, "-c", _SILENCE, config],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True)
        if self._keeper.stdout.readline() != "silent\n":
            raise AssertionError("no namespace could be made: " + self._keeper.communicate()[1])
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()
        return self

    def __exit__(self, *_):
        self._keeper.stdin.close()
        self._keeper.wait(30)
        self._listener.join()
        self._keeper.stdout.close()
        self._keeper.stderr.close()

    @contextlib.contextmanager
    def again(self):
        """A stage for the next call."""
        self.reached.clear()
        yield self

    def _listen(self):
        for _ in self._keeper.stdout:
            self.reached.set()

    def prefix(self, account):
        """A command before another one, which then runs there, as `account` (None: as we do). It
        keeps its process id."""
        user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        if account is not None:
            user += [f"--setgid={account.pw_gid}", f"--setuid={account.pw_uid}"]
        return ["nsenter", f"--target={self._keeper.pid}", "--mount", "--net", *user, "--root",
                "--wd"]
