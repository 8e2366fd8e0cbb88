# SPDX-License-Identifier: BSD-3-Clause
"""Hours of load in minutes: mixed clients and workers at a gmand that must stay as it is.

The run is a row of equal cycles. In each, clients submit foreground, background and scheduled jobs
of all priorities, with and without uniques, small and large; workers do them, fail some, and die
with one in hand; clients leave; readers are slow; connections come and go; an operator asks for
every list; for a while the workers pause, so that a backlog grows; and in three of the cycles
thousands of connections lie idle. Then everything is waited for, and in the quiet the server is
measured. What was promised to a client must come: a job that was acknowledged is done (unless it
was a foreground job whose client left), once, by one worker at a time, not before its time, and
each foreground submit is answered exactly once.

At the end stand a table and charts, and the judgement of judge.py. Nothing is random that the seed
does not decide, but for the order in which the sockets answer.
"""
import argparse
import collections
import contextlib
import os
import pathlib
import random
import resource
import selectors
import socket
import statistics
import struct
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))

import wire
from gmand import Gmand, is_sanitized
from judge import Cycle, complaints

CLIENTS, WORKERS, MORTALS, FUNCTIONS = 8, 12, 4, 6
IN_FLIGHT_MAX = 24              # unanswered submits and unfinished foreground jobs of a client
BACKLOG_SECONDS = 400           # background jobs that may wait, for each second of a cycle
DRAIN_SECONDS_MAX = 120
IDLE_CONNECTIONS = 10_000
IDLE_BATCH = 250
SPARE_DESCRIPTORS = 500
TRIPS = 300
FINISHED_KEPT_MAX = 100_000
HEADER = struct.Struct(">4sII")
IDENTITY = struct.Struct(">IIB")  # of a submit, ahead of its workload: client, number, shared

FOREGROUND = (wire.SUBMIT_JOB, wire.SUBMIT_JOB_HIGH, wire.SUBMIT_JOB_LOW)
BACKGROUND = (wire.SUBMIT_JOB_BG, wire.SUBMIT_JOB_HIGH_BG, wire.SUBMIT_JOB_LOW_BG)
ENDS = (wire.WORK_COMPLETE, wire.WORK_FAIL, wire.WORK_EXCEPTION)
ADMIN_LINES = ("status", "prioritystatus", "workers", "show jobs", "show unique jobs", "version",
               "create function ephemeral", "maxqueue ephemeral 10", "drop function ephemeral",
               "cancel job H:nobody:1", "verbose", "getpid", "nonsense")
LISTS = ("status", "prioritystatus", "workers", "show jobs", "show unique jobs")


class Broken(AssertionError):
    """The server broke a promise."""


class Link:
    """A connection in the loop: whole packets come to packet(), what is sent goes out in turns."""

    def __init__(self, loop):
        self.loop = loop
        self.socket = wire.connect(loop.address)
        self.socket.setblocking(False)
        self.received = bytearray()
        self.to_send = bytearray()
        self.is_open = self.is_reading = True
        self.events = 0
        self.watch()

    def send(self, kind, *args):
        self.to_send += wire.encode(kind, *args)
        self.loop.dirty.add(self)

    def flush(self):
        if not self.is_open:
            return
        with contextlib.suppress(BlockingIOError):
            while self.to_send:
                del self.to_send[:self.socket.send(self.to_send)]
        self.watch()

    def watch(self):
        """Tells the selector what this connection waits for now."""
        events = ((selectors.EVENT_READ if self.is_reading else 0) |
                  (selectors.EVENT_WRITE if self.to_send else 0))
        selector, before, self.events = self.loop.selector, self.events, events
        if before == events:
            return
        if before == 0:
            selector.register(self.socket, events, self)
        elif events == 0:
            selector.unregister(self.socket)
        else:
            selector.modify(self.socket, events, self)

    def read(self):
        try:
            data = self.socket.recv(1 << 18)
        except BlockingIOError:
            return
        if not data:
            raise Broken(f"{type(self).__name__} was closed by the server")
        self.received += data
        self.take()

    def take(self):
        received, start = self.received, 0
        while len(received) - start >= 12:
            _, kind, size = HEADER.unpack_from(received, start)
            if len(received) - start < 12 + size:
                break
            body = bytes(received[start + 12:start + 12 + size])
            start += 12 + size
            self.packet(kind, body)
            if not self.is_open:
                return
        del received[:start]

    def packet(self, kind, body):
        raise NotImplementedError

    def close(self):
        if self.is_open:
            self.is_open = False
            self.loop.dirty.discard(self)
            if self.events:
                self.loop.selector.unregister(self.socket)
            self.socket.close()


class Submit:
    """What a client asked for, and what it was promised."""
    __slots__ = ("client", "is_foreground", "is_shared", "is_done", "due", "identity")

    def __init__(self, client, identity, is_foreground, is_shared, due):
        self.client, self.identity = client, identity
        self.is_foreground, self.is_shared, self.due = is_foreground, is_shared, due
        self.is_done = False

    def __str__(self):
        return (f"{'foreground' if self.is_foreground else 'background'} "
                f"{'shared ' if self.is_shared else ''}{IDENTITY.unpack(self.identity)[:2]} "
                f"of {'a client' if self.client.is_open else 'one that left'}"
                f"{', done' if self.is_done else ''}{f', due {self.due}' if self.due else ''}")


class Books:
    """Every submit that was not answered or done yet, and what becomes of each job."""

    def __init__(self):
        self.open = {}                                   # identity -> Submit
        self.shared = collections.defaultdict(list)      # handle -> background submits of that job
        self.finished = collections.OrderedDict()        # handles of shared jobs, the latest
        self.running = {}                                # handle -> worker
        self.clients = set()                             # numbers of those that are connected
        self.counts = collections.Counter()

    def created(self, submit, handle):
        self.counts["acknowledged"] += 1
        if submit.is_shared and not submit.is_foreground:
            if handle in self.finished:
                self.close(submit)
            else:
                self.shared[handle].append(submit)

    def close(self, submit):
        self.open.pop(submit.identity, None)

    def assigned(self, handle, workload, worker):
        if handle in self.running:
            raise Broken(f"{handle} was given to two workers")
        if handle in self.finished:
            raise Broken(f"{handle} was given to a worker after its end")
        self.running[handle] = worker
        identity = workload[:IDENTITY.size]
        submit = self.open.get(identity)
        client, number, is_shared = IDENTITY.unpack(identity)
        if submit is None and not is_shared and client in self.clients:
            raise Broken(f"job {number} of client {client} was given to a worker after its end")
        if submit is not None and submit.due > time.time():
            raise Broken(f"{handle} was given to a worker {submit.due - time.time():.3f} s early")

    def done(self, handle, workload):
        self.counts["done"] += 1
        del self.running[handle]
        identity = workload[:IDENTITY.size]
        if IDENTITY.unpack(identity)[2]:
            self.finished[handle] = True
            if len(self.finished) > FINISHED_KEPT_MAX:
                self.finished.popitem(last=False)
            for submit in self.shared.pop(handle, ()):
                self.close(submit)
        submit = self.open.get(identity)
        if submit is not None and not submit.is_shared:
            submit.is_done = True
            if not submit.is_foreground:
                self.close(submit)

    def left(self, client):
        """A client is gone: nobody waits for its foreground jobs, and what was not acknowledged to
        it may be done or not. Its other background jobs are still owed."""
        self.clients.discard(client.number)
        for submit in client.unacknowledged:
            self.close(submit)
        for submits in client.waiting.values():
            for submit in submits:
                self.close(submit)


class Client(Link):
    numbers = 0

    def __init__(self, loop):
        super().__init__(loop)
        Client.numbers += 1
        self.number = Client.numbers
        self.submits = 0
        self.unacknowledged = collections.deque()
        self.waiting = {}                                # handle -> foreground submits
        self.foreground = 0
        loop.books.clients.add(self.number)
        if loop.dice.random() < 0.5:
            self.send(wire.OPTION_REQ, "exceptions")

    def fill(self):
        """Submits until as many as may be are under way."""
        books, dice = self.loop.books, self.loop.dice
        while (len(self.unacknowledged) + self.foreground < IN_FLIGHT_MAX and
               len(books.open) < self.loop.backlog_max):
            self.submits += 1
            lot = dice.random()
            is_foreground, due, unique = lot < 0.45, 0, b""
            is_shared = dice.random() < 0.1
            identity = IDENTITY.pack(self.number, self.submits, is_shared)
            function = f"f{dice.randrange(FUNCTIONS)}"
            if is_shared:
                unique = b"shared %d" % dice.randrange(40)
            elif dice.random() < 0.4:
                unique = b"own %d %d" % (self.number, self.submits)
            workload = identity + self.loop.filling(dice)
            if not is_foreground and lot > 0.98 and not is_shared:
                due = int(time.time()) + dice.choice((1, 2))
                self.send(wire.SUBMIT_JOB_EPOCH, function, unique, str(due), workload)
            else:
                kinds = FOREGROUND if is_foreground else BACKGROUND
                self.send(kinds[dice.randrange(3)], function, unique, workload)
            submit = Submit(self, identity, is_foreground, is_shared, due)
            books.open[identity] = submit
            self.unacknowledged.append(submit)

    def packet(self, kind, body):
        books = self.loop.books
        if kind == wire.JOB_CREATED:
            submit = self.unacknowledged.popleft()
            books.created(submit, body)
            if submit.is_foreground:
                self.waiting.setdefault(body, []).append(submit)
                self.foreground += 1
        elif kind in ENDS:
            handle, _, result = body.partition(b"\0")
            if handle not in self.waiting:
                raise Broken(f"a client was told of {handle}, for which it does not wait")
            submit = self.waiting[handle].pop()
            if not self.waiting[handle]:
                del self.waiting[handle]
            self.foreground -= 1
            if kind == wire.WORK_COMPLETE and not submit.is_shared and result != submit.identity:
                raise Broken(f"{handle} came back with the result of another job")
            books.close(submit)
            books.counts["answered"] += 1
        elif kind == wire.ERROR:
            raise Broken(f"a client was answered {body}")
        elif kind in (wire.WORK_DATA, wire.WORK_WARNING, wire.WORK_STATUS):
            books.counts["told"] += 1
        if self.loop.is_loaded:
            self.fill()

    def leave(self):
        self.loop.books.left(self)
        self.close()


class Worker(Link):
    """Some have several jobs asked for at once. The others are mortal: such a one may die with the
    job that it was just given, when all that it said before is known to have been heard."""

    def __init__(self, loop, is_mortal):
        super().__init__(loop)
        self.is_mortal = is_mortal
        self.grabs = 0
        self.grabs_max = 1 if is_mortal else 4
        self.is_asleep = False
        self.send(wire.SET_CLIENT_ID, "mortal" if is_mortal else "steady")
        for number in range(FUNCTIONS):
            self.send(wire.CAN_DO, f"f{number}")
        self.grab()

    def grab(self):
        self.is_asleep = False
        while self.grabs < self.grabs_max and not self.loop.is_paused:
            self.grabs += 1
            self.send(wire.GRAB_JOB_ALL)

    def packet(self, kind, body):
        if kind == wire.NOOP:
            self.grab()
        elif kind == wire.NO_JOB:
            self.grabs -= 1
            if self.grabs == 0 and not self.is_asleep:
                self.is_asleep = True
                self.send(wire.PRE_SLEEP)
        elif kind == wire.JOB_ASSIGN_UNIQ:
            self.grabs -= 1
            handle, _, _, workload = body.split(b"\0", 3)
            self.work(handle, workload)
        elif kind == wire.ERROR:
            raise Broken(f"a worker was answered {body}")

    def work(self, handle, workload):
        books, dice = self.loop.books, self.loop.dice
        books.assigned(handle, workload, self)
        if self.is_mortal and dice.random() < 0.01:
            books.counts["workers died"] += 1
            del books.running[handle]
            self.close()
            self.loop.workers.remove(self)
            self.loop.workers.append(Worker(self.loop, is_mortal=True))
            return
        lot = dice.random()
        if lot < 0.1:
            self.send(wire.WORK_STATUS, handle, "1", "2")
            self.send(wire.WORK_DATA, handle, b"a part")
        if lot < 0.97:
            self.send(wire.WORK_COMPLETE, handle, workload[:IDENTITY.size])
        elif lot < 0.985:
            self.send(wire.WORK_FAIL, handle)
        else:
            self.send(wire.WORK_EXCEPTION, handle, b"it broke")
        books.done(handle, workload)
        self.grab()


class SlowReader(Link):
    """Asks for a megabyte at a time and does not read for a while."""
    DATA = bytes(1 << 16)
    ECHOES = 16

    def __init__(self, loop):
        super().__init__(loop)
        self.expected = 0
        self.reads_at = 0.0
        self.ask()

    def ask(self):
        for _ in range(self.ECHOES):
            self.send(wire.ECHO_REQ, self.DATA)
        self.expected = self.ECHOES
        self.is_reading = False
        self.reads_at = time.monotonic() + 0.3

    def wake(self):
        if not self.is_reading and time.monotonic() >= self.reads_at:
            self.is_reading = True
            self.watch()

    def packet(self, kind, body):
        if kind != wire.ECHO_RES or body != self.DATA:
            raise Broken("an echo came back changed")
        self.expected -= 1
        self.loop.books.counts["slow echoes"] += 1
        if self.expected == 0 and self.loop.is_loaded:
            self.ask()


class Operator(Link):
    """Asks for every list in turn, and cancels a job of its own now and then."""

    def __init__(self, loop):
        super().__init__(loop)
        self.turn = 0
        self.line = None
        self.is_cancelling = False
        self.asks_at = 0.0

    def ask(self):
        if self.line is not None or time.monotonic() < self.asks_at:
            return
        self.turn += 1
        self.line = ADMIN_LINES[self.turn % len(ADMIN_LINES)]
        if self.turn % len(ADMIN_LINES) == 0:
            self.send(wire.SUBMIT_JOB_BG, "cancelled", "", bytes(1000))
            self.line = "cancel job"
            return
        self.say(self.line)

    def say(self, line):
        self.to_send += line.encode() + b"\n"
        self.loop.dirty.add(self)

    def take(self):
        received = self.received
        if received[:1] == b"\0":
            if len(received) >= 12 and len(received) >= 12 + HEADER.unpack_from(received)[2]:
                handle = bytes(received[12:12 + HEADER.unpack_from(received)[2]]).decode()
                received.clear()
                self.is_cancelling = True
                self.say("cancel job " + handle)
            return
        is_list = self.line in LISTS
        if not received.endswith(b"\n.\n" if is_list and received != b".\n" else b"\n"):
            return
        if self.is_cancelling and received != b"OK\r\n":
            raise Broken(f"a queued job could not be cancelled: {bytes(received)}")
        self.is_cancelling = False
        received.clear()
        self.line = None
        self.asks_at = time.monotonic() + 0.05
        self.loop.books.counts["admin commands"] += 1

    def packet(self, kind, body):
        raise Broken(f"the operator was sent packet {kind}")


class Process:
    """What the kernel knows of the server."""

    def __init__(self, pid):
        self._tasks = pathlib.Path(f"/proc/{pid}/task")
        self._statm = pathlib.Path(f"/proc/{pid}/statm")
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")

    def cpu_seconds(self):
        return sum(int((task / "schedstat").read_text("ascii").split()[0])
                   for task in self._tasks.iterdir()) / 1e9

    def run_on(self, cores):
        for task in self._tasks.iterdir():
            os.sched_setaffinity(int(task.name), cores)

    def memory_bytes(self):
        return int(self._statm.read_text("ascii").split()[1]) * self._page_bytes


class Yardstick:
    """Another process that answers bytes with the same bytes, and does nothing else. What that
    costs it is what this machine makes of a moment's work: beside it, the server's cost is a ratio
    that other programs on the machine hardly disturb."""
    PROGRAM = ("import socket, sys\n"
               "with socket.create_connection(('127.0.0.1', int(sys.argv[1]))) as peer:\n"
               "    while data := peer.recv(4096): peer.sendall(data)\n")

    def __enter__(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._program = subprocess.Popen(
                [sys.executable, "-c", self.PROGRAM, str(listener.getsockname()[1])],
                stdin=subprocess.DEVNULL)
            listener.settimeout(30)
            self._socket, _ = listener.accept()
        self._socket.settimeout(30)
        self.process = Process(self._program.pid)
        return self

    def __exit__(self, *_):
        self._socket.close()
        self._program.wait(30)

    def ping(self):
        self._socket.sendall(b"there and back")
        self._socket.recv(4096)


class Soak:
    def __init__(self, server, yardstick, seed, cycle_seconds, cycles, idle):
        self.address = server.address
        self.server = Process(server.pid)
        self.yardstick = yardstick
        self.dice = random.Random(seed)
        self.cycle_seconds, self.cycles, self.idle = cycle_seconds, cycles, idle
        self.backlog_max = int(BACKLOG_SECONDS * cycle_seconds)
        self.selector = selectors.DefaultSelector()
        self.dirty = set()
        self.books = Books()
        self.is_loaded = self.is_paused = False
        self.bytes = self.dice.randbytes(1 << 20)
        self.operator = Operator(self)
        self.slow = [SlowReader(self) for _ in range(2)]
        self.clients = [Client(self) for _ in range(CLIENTS)]
        self.workers = [Worker(self, number < MORTALS) for number in range(WORKERS)]
        self.lying_idle = []
        self.memory_bytes_max = 0
        self.started = time.monotonic()
        self.told_at = 0.0
        self.number = 0

    def filling(self, dice):
        """A workload's bytes: mostly small, now and then large."""
        lot = dice.random()
        size = (dice.randrange(200) if lot < 0.97 else
                dice.randrange(20_000) if lot < 0.999 else dice.randrange(1 << 20))
        return self.bytes[:size]

    def turn(self, seconds=0.01):
        """Handles what has come, and sends what that led to."""
        for key, events in self.selector.select(seconds):
            link = key.data
            if events & selectors.EVENT_WRITE:
                self.dirty.add(link)
            if events & selectors.EVENT_READ and link.is_open:
                link.read()
        for slow in self.slow:
            slow.wake()
        for link in list(self.dirty):
            self.dirty.discard(link)
            link.flush()

    def churn(self):
        """Connections that come and go, in every state of politeness."""
        dice = self.dice
        for _ in range(5):
            with wire.connect(self.address) as passing:
                passing.send(dice.choice((
                    b"", b"\0", b"status\n", b"workers\n", wire.encode(wire.ECHO_REQ, b"hello"),
                    wire.encode(wire.CAN_DO, "nobody's") + wire.encode(wire.PRE_SLEEP),
                    wire.encode(wire.SUBMIT_JOB, "nobody's", "", b"left at once"),
                    wire.encode(wire.SUBMIT_JOB, "nobody's", "", b"cut")[:-1],
                    wire.encode(999), wire.encode(wire.GET_STATUS, "H:nobody:1"))))
            self.books.counts["connections"] += 1

    def open_idle(self):
        for _ in range(min(IDLE_BATCH, self.idle - len(self.lying_idle))):
            link = wire.connect(self.address)
            if len(self.lying_idle) % 2:
                link.send(wire.encode(wire.CAN_DO, "idle") + wire.encode(wire.PRE_SLEEP))
            self.lying_idle.append(link)

    def close_idle(self):
        for link in self.lying_idle:
            link.close()
        self.lying_idle = []

    def load(self, with_idle):
        """The part of a cycle in which everybody is busy."""
        began = time.monotonic()
        self.is_loaded = True
        next_churn = next_leaving = began
        while (now := time.monotonic()) < began + self.cycle_seconds * 0.75:
            share = (now - began) / self.cycle_seconds
            is_paused = 0.2 <= share < 0.35
            if self.is_paused and not is_paused:
                self.is_paused = False
                for worker in self.workers:
                    worker.grab()
            self.is_paused = is_paused
            if with_idle and 0.1 < share < 0.5 and len(self.lying_idle) < self.idle:
                self.open_idle()
            elif share >= 0.6:
                self.close_idle()
            if now >= next_churn:
                next_churn = now + 0.1
                self.churn()
            if now >= next_leaving:
                next_leaving = now + 0.5
                leaving = self.clients.pop(self.dice.randrange(len(self.clients)))
                leaving.leave()
                self.clients.append(Client(self))
                self.books.counts["clients left"] += 1
            self.operator.ask()
            for client in self.clients:
                client.fill()
            self.turn()
            self.tell()
        self.is_loaded = False

    def drain(self):
        """Until all that was promised has come, and everybody is silent."""
        until = time.monotonic() + DRAIN_SECONDS_MAX
        while (self.books.open or self.books.running or self.operator.line or
               any(slow.expected for slow in self.slow)):
            self.turn()
            self.tell()
            if time.monotonic() > until:
                lost = list(self.books.open.values())
                raise Broken(f"{len(lost)} submits came to no end and {len(self.books.running)} "
                             "jobs run: " + ", ".join(map(str, lost[:5])))
        # What had not been acknowledged to a client that left is owed to nobody, and done as well.
        with wire.Peer(self.address) as peer:
            while rows := self.waiting_functions(peer):
                self.turn()
                if time.monotonic() > until:
                    raise Broken(f"jobs that nobody is given: {rows}")

    @staticmethod
    def waiting_functions(peer):
        """The rows of `status` that have a job."""
        peer.send_bytes(b"status\n")
        rows = []
        while (line := peer.receive_line()) != b".\n":
            if line.split(b"\t")[1] != b"0":
                rows.append(line)
        return rows

    @contextlib.contextmanager
    def cores_apart(self):
        """Server and yardstick on one core, this process on another: a round trip costs twice or
        half as much when the kernel happens to put both ends of it on one."""
        cores = os.sched_getaffinity(0)
        mine, theirs = {min(cores)}, {max(cores)}
        processes = (self.server, self.yardstick.process)
        os.sched_setaffinity(0, mine)
        for process in processes:
            process.run_on(theirs)
        try:
            yield
        finally:
            os.sched_setaffinity(0, cores)
            for process in processes:
                process.run_on(cores)

    def round_trips(self):
        """One foreground job after the other, and a ping beside each: the median seconds, the
        server's CPU seconds, and the yardstick's."""
        with wire.Peer(self.address) as worker, wire.Peer(self.address) as client:
            worker.send(wire.CAN_DO, "trip")
            worker.echo()
            processes = (self.server, self.yardstick.process)
            times, before = [], [process.cpu_seconds() for process in processes]
            for _ in range(TRIPS):
                began = time.monotonic()
                client.send(wire.SUBMIT_JOB, "trip", "", b"there and back")
                client.receive()
                handle, _, workload = worker.grab()
                worker.send(wire.WORK_COMPLETE, handle, workload)
                client.result()
                times.append(time.monotonic() - began)
                self.yardstick.ping()
            return statistics.median(times), *(
                (process.cpu_seconds() - seconds) / TRIPS
                for process, seconds in zip(processes, before))

    def cycle(self):
        began, jobs, cpu = time.monotonic(), self.books.counts["done"], self.server.cpu_seconds()
        self.memory_bytes_max = 0
        # While warming up, and then at the same place in each half.
        place = self.cycles // 4
        self.load(with_idle=self.number in (0, place, place + self.cycles // 2))
        self.drain()
        seconds = time.monotonic() - began
        jobs = self.books.counts["done"] - jobs
        cpu = (self.server.cpu_seconds() - cpu) / jobs
        with self.cores_apart():
            trip, trip_cpu, ping_cpu = self.round_trips()
        for slow in self.slow:
            slow.ask()
        return Cycle(jobs, jobs / seconds, self.server.memory_bytes(), self.memory_bytes_max,
                     cpu * 1e6, trip_cpu / ping_cpu, trip_cpu * 1e6, trip * 1e6)

    def tell(self):
        now = time.monotonic()
        if now < self.told_at:
            return
        self.told_at = now + 0.25
        self.memory_bytes_max = max(self.memory_bytes_max, self.server.memory_bytes())
        if sys.stdout.isatty():
            counts = self.books.counts
            print(f"\r{now - self.started:5.0f} s  cycle {self.number + 1}/{self.cycles}  "
                  f"{counts['done']:,} jobs done, {len(self.books.open):,} under way  "
                  f"{self.server.memory_bytes() / 2**20:.1f} MiB  "
                  f"{len(self.lying_idle):,} idle connections   ", end="", flush=True)

    def run(self):
        """The figures of all cycles, told one by one."""
        done = []
        for self.number in range(self.cycles):
            cycle = self.cycle()
            done.append(cycle)
            line = (f"cycle {self.number + 1:3}/{self.cycles}: {cycle.jobs:8,} jobs, "
                    f"{cycle.jobs_per_second:7,.0f}/s, "
                    f"memory {cycle.memory_bytes_max / 2**20:6.1f} MiB at most, "
                    f"{cycle.memory_bytes / 2**20:6.1f} in the quiet; "
                    f"a job costs {cycle.cpu_us:5.1f} us of CPU, "
                    f"in the quiet {cycle.trip_cpu_us:5.1f} ({cycle.trip_pings:.2f} pings)")
            print(("\r" if sys.stdout.isatty() else "") + line, flush=True)
        return done


def chart(values):
    """One block a cycle; from the bottom, which is nothing, to the highest."""
    top = max(values)
    return "".join("▁▂▃▄▅▆▇█"[min(7, int(value / top * 8))] for value in values)


def report(cycles, counts):
    print()
    for name, what, unit in (("memory_bytes", "memory in the quiet", 2**20),
                             ("memory_bytes_max", "memory at most", 2**20),
                             ("cpu_us", "CPU us a job", 1), ("trip_cpu_us", "in the quiet", 1),
                             ("trip_pings", "in pings", 1), ("trip_us", "us a round trip", 1)):
        values = [getattr(cycle, name) / unit for cycle in cycles]
        print(f"  {what:20} {chart(values)}  {min(values):8.1f} to {max(values):.1f}"
              + (" MiB" if unit > 1 else ""))
    print("  " + ", ".join(f"{count:,} {what}" for what, count in sorted(counts.items())))


def idle_possible():
    """How many idle connections this process and the server, which inherits its limit, may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return max(0, min(IDLE_CONNECTIONS, hard - SPARE_DESCRIPTORS))


def parsed_arguments():
    parser = argparse.ArgumentParser(prog="tools/dev soak", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10, help="of load (10; 0.5 at least)")
    parser.add_argument("--seed", type=int, default=1, help="decides what is random (1)")
    options = parser.parse_args()
    if not 0.5 <= options.minutes <= 24 * 60:
        parser.error(f"--minutes {options.minutes:g} is not between 0.5 and 1440")
    return options


def main():
    options = parsed_arguments()
    idle = idle_possible()
    cycles = max(8, round(options.minutes * 4) // 2 * 2)
    print(f"{options.minutes:g} minutes in {cycles} cycles, {idle:,} connections idle in three of "
          "them" + ("" if idle == IDLE_CONNECTIONS else ": no more descriptors are allowed here"))
    with Yardstick() as yardstick, Gmand() as server:
        soak = Soak(server, yardstick, options.seed, options.minutes * 60 / cycles, cycles, idle)
        try:
            figures = soak.run()
        except Broken as broken:
            sys.exit(f"\nFAILED: {broken} (seed {options.seed})")
    report(figures, soak.books.counts)
    found = complaints(figures, judges_memory=not is_sanitized())
    if found:
        sys.exit("FAILED: " + "; ".join(found))
    print("memory and time are flat, and no job was lost")


if __name__ == "__main__":
    main()
