# SPDX-License-Identifier: BSD-3-Clause
"""The Gearman protocol over a blocking socket, for tests.

Written from the protocol's description and without our C++, so that a mistake there is not
repeated here. Arguments are bytes; text given to send() goes out as UTF-8.

    with Peer(gmand.address) as client:
        client.send(SUBMIT_JOB, "reverse", "", b"Hello")
        kind, (handle,) = client.receive()       # JOB_CREATED

    with Worker(gmand.address, {"reverse": lambda workload: workload[::-1]}):
        ...                                      # a worker in a thread of its own
"""
import collections
import socket
import struct
import threading
import time

CAN_DO = 1
CANT_DO = 2
RESET_ABILITIES = 3
PRE_SLEEP = 4
NOOP = 6
SUBMIT_JOB = 7
JOB_CREATED = 8
GRAB_JOB = 9
NO_JOB = 10
JOB_ASSIGN = 11
WORK_STATUS = 12
WORK_COMPLETE = 13
WORK_FAIL = 14
GET_STATUS = 15
ECHO_REQ = 16
ECHO_RES = 17
SUBMIT_JOB_BG = 18
ERROR = 19
STATUS_RES = 20
SUBMIT_JOB_HIGH = 21
SET_CLIENT_ID = 22
CAN_DO_TIMEOUT = 23
ALL_YOURS = 24
WORK_EXCEPTION = 25
OPTION_REQ = 26
OPTION_RES = 27
WORK_DATA = 28
WORK_WARNING = 29
GRAB_JOB_UNIQ = 30
JOB_ASSIGN_UNIQ = 31
SUBMIT_JOB_HIGH_BG = 32
SUBMIT_JOB_LOW = 33
SUBMIT_JOB_LOW_BG = 34
SUBMIT_JOB_SCHED = 35
SUBMIT_JOB_EPOCH = 36
SUBMIT_REDUCE_JOB = 37
SUBMIT_REDUCE_JOB_BACKGROUND = 38
GRAB_JOB_ALL = 39
JOB_ASSIGN_ALL = 40
GET_STATUS_UNIQUE = 41
STATUS_RES_UNIQUE = 42
SUBMIT = 1000
SUBMIT_MANY = 1001
CAN_DO_MANY = 1002

REQ = b"\0REQ"
RES = b"\0RES"

# How many arguments a packet has, the last one taking the rest of the body.
ARGUMENTS = {
    CAN_DO: 1, CANT_DO: 1, RESET_ABILITIES: 0, PRE_SLEEP: 0, NOOP: 0, SUBMIT_JOB: 3,
    JOB_CREATED: 1, GRAB_JOB: 0, NO_JOB: 0, JOB_ASSIGN: 3, WORK_STATUS: 3, WORK_COMPLETE: 2,
    WORK_FAIL: 1, GET_STATUS: 1, ECHO_REQ: 1, ECHO_RES: 1, SUBMIT_JOB_BG: 3, ERROR: 2,
    STATUS_RES: 5, SUBMIT_JOB_HIGH: 3, SET_CLIENT_ID: 1, CAN_DO_TIMEOUT: 2, ALL_YOURS: 0,
    WORK_EXCEPTION: 2, OPTION_REQ: 1, OPTION_RES: 1, WORK_DATA: 2, WORK_WARNING: 2,
    GRAB_JOB_UNIQ: 0, JOB_ASSIGN_UNIQ: 4, SUBMIT_JOB_HIGH_BG: 3, SUBMIT_JOB_LOW: 3,
    SUBMIT_JOB_LOW_BG: 3, SUBMIT_JOB_SCHED: 8, SUBMIT_JOB_EPOCH: 4, SUBMIT_REDUCE_JOB: 5,
    SUBMIT_REDUCE_JOB_BACKGROUND: 5, GRAB_JOB_ALL: 0, JOB_ASSIGN_ALL: 5, GET_STATUS_UNIQUE: 1,
    STATUS_RES_UNIQUE: 6, SUBMIT: 4, SUBMIT_MANY: 3, CAN_DO_MANY: 1,
}

SUBMITS_AND_WAITS = (SUBMIT_JOB, SUBMIT_JOB_HIGH, SUBMIT_JOB_LOW)
SUBMITS_BACKGROUND = (SUBMIT_JOB_BG, SUBMIT_JOB_HIGH_BG, SUBMIT_JOB_LOW_BG)

Received = collections.namedtuple("Received", "type args")


class Closed(EOFError):
    """The other side ended the connection."""


def encode(kind, *args, magic=REQ):
    """One packet as bytes."""
    body = b"\0".join(a.encode() if isinstance(a, str) else bytes(a) for a in args)
    return magic + struct.pack(">II", kind, len(body)) + body


def job_of_many(workload=b"", unique=b""):
    """One job in the last argument of SUBMIT_MANY."""
    return struct.pack(">BI", len(unique), len(workload)) + unique + workload


def connect(address, seconds=10):
    """A socket to "127.0.0.1:4730", "[::1]:4730", "/path" or "unix:/path"."""
    if address.startswith("unix:"):
        address = address[len("unix:"):]
    if address.startswith("/"):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(seconds)
        sock.connect(address)
        return sock
    host, _, port = address.rpartition(":")
    sock = socket.create_connection((host.strip("[]"), int(port)), timeout=seconds)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


class Peer:
    """One connection. Requests go out as \\0REQ packets, answers must be \\0RES packets."""

    def __init__(self, address, seconds=10):
        self.socket = connect(address, seconds)
        self._buffer = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, kind, *args):
        self.send_bytes(encode(kind, *args))

    def send_bytes(self, data):
        self.socket.settimeout(30)
        self.socket.sendall(data)

    def receive(self, seconds=10):
        """The next packet as (type, [arguments]). Raises Closed or TimeoutError."""
        until = time.monotonic() + seconds
        self._fill(12, until)
        magic, kind, length = struct.unpack(">4sII", bytes(self._buffer[:12]))
        if magic != RES:
            raise AssertionError(f"not a response packet: {bytes(self._buffer[:80])!r}")
        self._fill(12 + length, until)
        body = bytes(self._buffer[12:12 + length])
        del self._buffer[:12 + length]
        count = ARGUMENTS[kind]
        args = body.split(b"\0", count - 1) if count > 0 else []
        if len(args) != count:
            raise AssertionError(f"packet {kind} with {len(args)} of {count} arguments: {body!r}")
        return Received(kind, args)

    def request(self, kind, *args, seconds=10):
        """send() and the next packet."""
        self.send(kind, *args)
        return self.receive(seconds)

    def receive_line(self, seconds=10):
        """The next text line, its end included."""
        until = time.monotonic() + seconds
        while b"\n" not in self._buffer:
            self._fill(len(self._buffer) + 1, until)
        end = self._buffer.index(b"\n") + 1
        line = bytes(self._buffer[:end])
        del self._buffer[:end]
        return line

    def receive_until_closed(self, seconds=10):
        """Every byte that still comes before the other side closes."""
        until = time.monotonic() + seconds
        while True:
            try:
                self._fill(len(self._buffer) + 1, until)
            except (Closed, ConnectionResetError):
                rest = bytes(self._buffer)
                self._buffer.clear()
                return rest

    def is_silent(self, seconds=0.2):
        """Whether nothing comes within that time."""
        try:
            self._fill(1, time.monotonic() + seconds)
        except TimeoutError:
            return True
        return False

    def _fill(self, count, until):
        while len(self._buffer) < count:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{len(self._buffer)} of {count} bytes in time")
            self.socket.settimeout(left)
            chunk = self.socket.recv(max(65536, min(count - len(self._buffer), 1 << 20)))
            if not chunk:
                raise Closed(f"closed after {len(self._buffer)} of {count} bytes")
            self._buffer += chunk

    # Dialogues that nearly every test has.

    def echo(self, data=b"ping"):
        """One round trip: what was sent before has been handled when it returns."""
        assert self.request(ECHO_REQ, data) == (ECHO_RES, [data])

    def submit(self, function, workload=b"", unique=b"", kind=SUBMIT_JOB):
        """The handle of a new job."""
        answer = self.request(kind, function, unique, workload)
        if answer.type != JOB_CREATED:
            raise AssertionError(f"not created: {answer}")
        return answer.args[0]

    def result(self, seconds=10):
        """The data of the WORK_COMPLETE that comes next; other packets are an AssertionError."""
        answer = self.receive(seconds)
        if answer.type != WORK_COMPLETE:
            raise AssertionError(f"not complete: {answer}")
        return answer.args[1]

    def grab(self, seconds=10):
        """JOB_ASSIGN's (handle, function, workload), sleeping until there is a job."""
        until = time.monotonic() + seconds
        while True:
            self.send(GRAB_JOB)
            answer = self.receive(until - time.monotonic())
            while answer.type == NOOP:
                answer = self.receive(until - time.monotonic())
            if answer.type == JOB_ASSIGN:
                return tuple(answer.args)
            if answer.type != NO_JOB:
                raise AssertionError(f"neither JOB_ASSIGN nor NO_JOB: {answer}")
            self.send(PRE_SLEEP)
            answer = self.receive(until - time.monotonic())
            if answer.type != NOOP:
                raise AssertionError(f"woken by {answer}")


class Worker:
    """A worker in a thread: `functions` maps a name to workload -> result (both bytes).

    A function that raises fails its job. The thread ends with the `with` block, and what broke the
    dialogue, if anything did, is raised there."""

    def __init__(self, address, functions):
        self._peer = Peer(address)
        self._functions = {name.encode(): run for name, run in functions.items()}
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ending = False
        self._failure = None
        self.jobs_done = 0

    def __enter__(self):
        for name in self._functions:
            self._peer.send(CAN_DO, name)
        self._peer.echo()
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ending = True
        try:
            self._peer.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._thread.join(30)
        self._peer.close()
        if self._failure is not None:
            raise self._failure

    def _run(self):
        try:
            while True:
                handle, name, workload = self._peer.grab(seconds=3600)
                try:
                    result = self._functions[name](workload)
                except Exception:  # pylint: disable=broad-except
                    self._peer.send(WORK_FAIL, handle)
                else:
                    self._peer.send(WORK_COMPLETE, handle, result)
                self.jobs_done += 1
        except (Closed, OSError) as gone:
            # The server going away under a worker is what some tests are about.
            if not self._ending and not isinstance(gone, (Closed, ConnectionError)):
                self._failure = gone
        except AssertionError as wrong:
            self._failure = wrong


def reversing_worker(address):
    """The worker that everybody knows."""
    return Worker(address, {"reverse": lambda workload: workload[::-1]})
