# SPDX-License-Identifier: BSD-3-Clause
"""What is measured: one function for each kind of workload, and the table of rows.

A row's `measure(server, size)` has a server of its own, just started, and returns its figures by
name; one that `starts_itself` gets the server's name instead. `asks` says what a figure has to
hold: the text for the table, and a test over the medians of all servers. Rows that compare the same
servers make a table.
"""

import contextlib
import dataclasses
import json
import os
import socket
import statistics
import subprocess
import time
from collections.abc import Callable

import backlog_rows
import mysql_rows
import outbox_rows
import postgres_rows
import servers
from outbox_rows import ALL_OUTBOXES, MARIADB, POSTGRES
from pace import Pace
from wire import CAN_DO, WORK_COMPLETE, Peer

GEARMANDS = ("gearmand -t 4", "gearmand -t 1")
OURS = ("gmand", "least")
ALL = ("gmand", *GEARMANDS, "least")

STORED = "gmand sqlite"
SQLITE_GEARMAND = "gearmand libsqlite3"
OTHER_GEARMANDS = ("gearmand Postgres", "gearmand redis", "gearmand libmemcached")
REDIS = "Redis"
JOURNAL = "least + fdatasync"
SERVED = ("gmand postgresql", "gmand mysql")
ALL_STORED = (STORED, SQLITE_GEARMAND, *OTHER_GEARMANDS, REDIS, JOURNAL)

RUN_SECONDS_MAX = 1200

RATE = "jobs/s"
CPU = "server CPU a job, us"
P50 = "latency p50, us"
P99 = "latency p99, us"


def is_gearmand(name):
    return name.startswith("gearmand")


def json_of(*command):
    """What the program printed, which must end well."""
    command = [str(word) for word in command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS_MAX,
                          check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}{done.stdout}")
    return json.loads(done.stdout)


def bench(address, *options):
    """The figures of one run of `gman bench`."""
    return json_of(servers.GMAN, "bench", "-s", address, "--json", *options)


def redis_load(server, jobs, connections, window):
    """The same figures of as many RPUSHes."""
    port = server.tcp.split(":")[1]
    return json_of(servers.REDIS_LOAD, port, jobs, connections, window, server.pid)


def figures(run):
    return {RATE: run["jobs_per_second"], CPU: run["server_cpu_us_per_job"],
            P50: run["latency_p50_us"], P99: run["latency_p99_us"]}


def fill(server, jobs, *options):
    """Queues background jobs, unmeasured, by the quickest way into that server."""
    if jobs:
        bench(server.unix or server.tcp, "-n", jobs, *options)


def address_of(server, transport):
    return server.unix if transport == "unix" else server.tcp


def submits(transport, *options, queued=0, queued_gearmand=0):
    def measure(server, size):
        unique = ["--unique"] if "--unique" in options else []
        fill(server, queued_gearmand if is_gearmand(server.name) else queued, *unique)
        return figures(bench(address_of(server, transport), "--server-pid", server.pid,
                             "-n", size, *options))
    return measure


def foreground(transport, clients, workers):
    def measure(server, size):
        return figures(bench(address_of(server, transport), "--server-pid", server.pid,
                             "--foreground", "-c", clients, "-w", 1, "--workers", workers,
                             "-n", size))
    return measure


def takes(queued):
    """Grab and complete `size` jobs with `queued` more behind them, one at a time on four
    connections."""
    def measure(server, size):
        fill(server, queued + size)
        run = bench(server.tcp, "--server-pid", server.pid, "-c", 0, "--workers", 4, "-n", size)
        return {RATE: run["jobs_per_second"], CPU: run["server_cpu_us_per_job"]}
    return measure


def memory(server, size):
    """Bytes for each queued job, and how much of the growth stays when all are gone."""
    # A first few jobs make what is made once.
    bench(server.tcp, "-n", 1000, "--drain")
    before = server.resident_bytes()
    fill(server, size)
    peak = server.resident_bytes()
    bench(server.unix or server.tcp, "-c", 0, "--workers", 64, "-n", size)
    after = server.resident_bytes()
    return {BYTES_A_JOB: (peak - before) / size,
            KEPT: 100 * (after - before) / (peak - before)}


BYTES_A_JOB = "resident bytes a queued job"
KEPT = "kept after draining, % of the growth"
BYTES_A_CONNECTION = "resident bytes an idle connection"
WAKES = "workers woken a job"
IN_VAIN = "of them in vain"

OF_MEMORY = "of the rate with all in memory, %"
SUBMITTED = "durable submits/s before"
PEAK = "resident at most, MiB"
OF_BUDGET = "its growth in budgets"
SECONDS_STARTING = "seconds to start with it"

SYNC = "an fdatasync just before, us"
READ_BACK = "jobs read back/s"
SECONDS_READING = "seconds for it"
CPU_WITHOUT = "without them, us"
MORE = "more, %"
BESIDE = "durable submits/s beside it"
MORE_IS_BETTER = (RATE, READ_BACK, BESIDE, OF_MEMORY, SUBMITTED)
NOT_OF_THE_SERVER = (SYNC,)


def idle_connections(server, size):
    """Each has been served once, so that the server knows it and has nothing to do for it."""
    host, port = server.tcp.split(":")
    with contextlib.ExitStack() as stack:
        before = server.resident_bytes()
        for _ in range(size):
            peer = stack.enter_context(socket.create_connection((host, int(port)), timeout=30))
            peer.sendall(servers.ECHO)
            if peer.recv(64) != servers.ECHO_ANSWER:
                raise RuntimeError(f"{server.name} does not answer ECHO_REQ")
        return {BYTES_A_CONNECTION: (server.resident_bytes() - before) / size}


def sleeping_workers(server, size):
    """Single jobs, one after the other, for many workers of one function that all sleep."""
    run = bench(server.tcp, "--server-pid", server.pid, "--foreground", "-c", 1, "-w", 1,
                "--workers", 1000, "-n", size)
    return {WAKES: run["wakes"] / size, IN_VAIN: run["wakes_in_vain"] / size,
            CPU: run["server_cpu_us_per_job"], P50: run["latency_p50_us"]}


def durable_submits(connections, window):
    """gearmand keeps one job of a function for each unique, so that without a unique it would
    acknowledge many and keep the last. A disk has better and worse minutes, and what it was like
    just before is told with each measurement."""
    def measure(server, size):
        sync_seconds = statistics.median(servers.sync_seconds(100))
        if server.protocol == "resp":
            found = figures(redis_load(server, size, connections, window))
        else:
            unique = ["--unique"] if is_gearmand(server.name) else []
            found = figures(bench(server.tcp, "--server-pid", server.pid, "-c", connections,
                                  "-w", window, "-n", size, *unique))
        if not server.works_alone:
            del found[CPU]
        return {**found, SYNC: sync_seconds * 1e6}
    return measure


def start_up(name, size):
    """From the start of the process until it answers, with `size` jobs to read back, less the same
    with none. What it reads has just been written, so that it comes from the system's memory, and
    is on the disk, so that the system has nothing to write meanwhile."""
    def life(directory, then=None):
        began = time.monotonic()
        with servers.start(name, directory=directory) as server:
            took = time.monotonic() - began
            if then is not None:
                then(server)
        return took

    def queue(server):
        if server.protocol == "resp":
            redis_load(server, size, 4, 64)
        else:
            fill(server, size)

    with servers.store_directory() as directory:
        life(directory)  # makes its files
        seconds_empty = life(directory, queue)
        os.sync()
        seconds = life(directory) - seconds_empty
    if seconds <= 0:
        raise RuntimeError(f"{name} starts no later with {size} jobs than with none: too few")
    return {READ_BACK: size / seconds, SECONDS_READING: seconds}


BESIDE_RATE = 10_000
BESIDE_PAIRS = 24


def memory_beside_durable(name, size):
    """What a job of a memory function costs the loop while durable ones come at a steady rate.

    The loop's thread takes the durable ones, too, and all that it spends is put down to the jobs of
    the memory function: the figure is above the truth, not below. What the store's thread spends is
    the durable jobs'. One such figure is good to a tenth, which is what is asked for, and the
    machine has better and worse seconds: so it is taken in many short pairs, with and without in
    changing order, of which the middle ratio counts.
    """
    function = "gman_bench"
    jobs = size // BESIDE_PAIRS
    with_them, without, rates = [], [], []

    with servers.start(name, "--memory-function", function) as server:
        def loop_us():
            before = server.loop_cpu_seconds()
            bench(server.tcp, "--function", function, "-n", jobs)
            return (server.loop_cpu_seconds() - before) * 1e6 / jobs

        def loop_us_beside():
            with Pace(server.tcp, "gman_bench_durable", BESIDE_RATE) as pace:
                acknowledged, began = pace.acknowledged, time.monotonic()
                cost = loop_us()
                rates.append((pace.acknowledged - acknowledged) / (time.monotonic() - began))
            if pace.refusal is not None:
                raise RuntimeError(f"{name} refused a durable job: {pace.refusal}")
            return cost

        for _ in range(BESIDE_PAIRS):  # grow what the others find grown
            loop_us()
        for pair in range(BESIDE_PAIRS):
            for is_with in (pair % 2 == 0, pair % 2 == 1):
                if is_with:
                    with_them.append(loop_us_beside())
                else:
                    without.append(loop_us())
    more = statistics.median(cost / alone for cost, alone in zip(with_them, without)) - 1
    return {CPU: statistics.median(with_them), CPU_WITHOUT: statistics.median(without),
            MORE: 100 * more, BESIDE: statistics.median(rates)}


BACKLOG_BYTES = 4096        # of each workload
BACKLOG_OF_BUDGET = 16      # how many times the budget is queued
IN_ORDER_LOOKED_AT = 2000


def backlog(name, size):
    """Many times as much queued as workloads may take in memory, a restart, and all of it taken
    again; then the same server with no such limit and a quarter of the jobs, which fit."""
    budget = size * BACKLOG_BYTES // BACKLOG_OF_BUDGET

    def take_in_order(server):
        """A few by hand: the handles of one start count upwards."""
        host, port = server.tcp.split(":")
        with Peer(f"{host}:{port}", seconds=60) as worker:
            worker.send(CAN_DO, "gman_bench")
            numbers = []
            for _ in range(IN_ORDER_LOOKED_AT):
                handle, _, workload = worker.grab(60)
                if len(workload) != BACKLOG_BYTES:
                    raise RuntimeError(f"{name} gave {len(workload)} bytes")
                numbers.append(int(handle.rpartition(b":")[2]))
                worker.send(WORK_COMPLETE, handle, b"")
            worker.echo()
        if numbers != sorted(numbers):
            raise RuntimeError(f"{name} gave jobs out of their order")
        return len(numbers)

    def take_all(server, left):
        """Jobs a second. A worker of `gman bench` leaves when it is told that there is no job, also
        when one is only being read: then others come."""
        jobs, began = left, time.monotonic()
        while left:
            left -= bench(server.tcp, "-c", 0, "--workers", 4, "-n", left)["jobs_taken"]
            if time.monotonic() - began > RUN_SECONDS_MAX:
                raise RuntimeError(f"{name} still has {left} jobs after {RUN_SECONDS_MAX} s")
        return jobs / (time.monotonic() - began)

    with servers.store_directory() as directory:
        with servers.start(name, "--workload-memory-max", budget, directory=directory) as server:
            empty = server.resident_bytes()
            submitted = bench(server.tcp, "--bytes", BACKLOG_BYTES, "-n", size)
            peak = server.resident_bytes_max()
        began = time.monotonic()
        with servers.start(name, "--workload-memory-max", budget, directory=directory) as server:
            start_seconds = time.monotonic() - began
            first = take_in_order(server)
            rate = take_all(server, size - first - IN_ORDER_LOOKED_AT)
            take_in_order(server)
            peak = max(peak, server.resident_bytes_max())
    with servers.start(name, "--workload-memory-max", 0) as server:
        bench(server.tcp, "--bytes", BACKLOG_BYTES, "-n", size // 4)
        rate_in_memory = take_all(server, size // 4)
    return {RATE: rate, OF_MEMORY: 100 * rate / rate_in_memory,
            SUBMITTED: submitted["jobs_per_second"], PEAK: peak / 2**20,
            OF_BUDGET: (peak - empty) / budget, SECONDS_STARTING: start_seconds}


@dataclasses.dataclass
class Ask:
    """`text` for people, `holds(of)` where of("gmand") is that server's median."""
    text: str
    holds: Callable


@dataclasses.dataclass
class Row:
    name: str
    measure: Callable
    sizes: dict  # by server, "quick" and "full": how many jobs (or connections)
    servers: tuple = ALL
    asks: dict = dataclasses.field(default_factory=dict)
    is_long: bool = False  # left out of a quick run
    rounds_max: int = 99
    rounds_max_gearmand: int = 99
    starts_itself: bool = False
    turns: int = 1  # with all servers started, each is measured so often, with its part of the size

    def figures_of(self, names, mode, orders):
        """One round: the name of the server, its figures, and the seconds that it took."""
        def measured(name, server, size):
            began = time.monotonic()
            return name, self.measure(server, size), time.monotonic() - began

        if self.turns > 1:
            with contextlib.ExitStack() as stack:
                started = {name: stack.enter_context(servers.start(name)) for name in names}
                for _ in range(self.turns):
                    for name in orders.sample(names, len(names)):
                        yield measured(name, started[name], self.sizes[name][mode] // self.turns)
            return
        for name in orders.sample(names, len(names)):
            if self.starts_itself:
                yield measured(name, name, self.sizes[name][mode])
            else:
                with servers.start(name) as server:
                    yield measured(name, server, self.sizes[name][mode])


@dataclasses.dataclass
class Table:
    title: str
    ours: str  # the column that the ratios are of
    columns: tuple  # names of servers
    ratios: dict  # the other columns, by heading: to the best of which servers
    rows: list
    is_stored: bool = False  # so that the disk matters


def sizes(quick, full, gearmand_quick=None, gearmand_full=None):
    ours = {"quick": quick, "full": full}
    theirs = {"quick": gearmand_quick or quick, "full": gearmand_full or full}
    return {name: theirs if is_gearmand(name) else ours
            for name in (*ALL, *ALL_STORED, *SERVED, *ALL_OUTBOXES, *postgres_rows.DELIVERIES)}


MILLION = 1_000_000

AT_MOST_1_5 = Ask("<= 1.5 us", lambda of: of("gmand") <= 1.5)
CPU_1_3_LEAST = Ask("<= 1.3x least", lambda of: of("gmand") <= 1.3 * of("least"))
CPU_LEAST_PLUS_3 = Ask("<= least + 3", lambda of: of("gmand") <= of("least") + 3)
P50_1_2_LEAST = Ask("<= 1.2x least", lambda of: of("gmand") <= 1.2 * of("least"))
NONE_IN_VAIN = Ask("none", lambda of: of("gmand") == 0)

SUBMIT_ASKS = {
    RATE: Ask(">= 3x -t 4, >= 2x the best gearmand",
              lambda of: of("gmand") >= 3 * of("gearmand -t 4")
              and of("gmand") >= 2 * max(of(name) for name in GEARMANDS)),
    CPU: Ask("<= 1/3 of -t 4, <= 3x least",
             lambda of: of("gmand") <= of("gearmand -t 4") / 3
             and of("gmand") <= 3 * of("least")),
}

MEMORY_ROWS = [
    Row("background submit, 4 x 64 in flight, TCP", submits("tcp"),
        sizes(MILLION, 2 * MILLION, 300_000, MILLION), asks=SUBMIT_ASKS),
    Row("background submit, 4 x 64 in flight, Unix socket", submits("unix"),
        sizes(MILLION, 2 * MILLION), OURS,
        asks={CPU: Ask("<= 3x least", lambda of: of("gmand") <= 3 * of("least"))}),
    Row("the same with distinct uniques, nothing queued before, TCP", submits("tcp", "--unique"),
        sizes(300_000, 300_000, 30_000, 30_000), asks={CPU: AT_MOST_1_5}),
    # A million uniques take gearmand minutes to queue, so that is a row of one round.
    Row("the same with distinct uniques, 1,000,000 queued (gearmand: 100,000), TCP",
        submits("tcp", "--unique", queued=MILLION, queued_gearmand=100_000),
        sizes(300_000, 300_000, 5_000, 10_000), asks={CPU: AT_MOST_1_5}),
    Row("the same with distinct uniques, 1,000,000 queued, gearmand too, TCP",
        submits("tcp", "--unique", queued=MILLION, queued_gearmand=MILLION),
        sizes(300_000, 300_000, 5_000, 5_000), ("gmand", *GEARMANDS), is_long=True, rounds_max=1),
    Row("the same with distinct uniques, 10,000,000 queued, TCP",
        submits("tcp", "--unique", queued=10 * MILLION),
        sizes(300_000, 300_000), OURS, asks={CPU: AT_MOST_1_5}, is_long=True, rounds_max=2),
    Row("background submit, one at a time, TCP", submits("tcp", "-c", 1, "-w", 1),
        sizes(20_000, 50_000), asks={CPU: CPU_LEAST_PLUS_3}),
    Row("background submit, one at a time, Unix socket", submits("unix", "-c", 1, "-w", 1),
        sizes(20_000, 50_000), OURS, asks={CPU: CPU_LEAST_PLUS_3}),
    Row("foreground, 1 client, 1 worker, TCP", foreground("tcp", 1, 1),
        sizes(10_000, 30_000, 5_000, 10_000), asks={P50: P50_1_2_LEAST}),
    Row("foreground, 1 client, 1 worker, Unix socket", foreground("unix", 1, 1),
        sizes(10_000, 30_000), OURS, asks={P50: P50_1_2_LEAST}),
    Row("foreground, 64 clients, 16 workers, TCP", foreground("tcp", 64, 16),
        sizes(50_000, 200_000, 20_000, 50_000), asks={CPU: CPU_1_3_LEAST}),
    Row("grab + complete, nothing else queued, TCP", takes(0),
        sizes(50_000, 100_000, 10_000, 20_000), asks={CPU: CPU_1_3_LEAST}),
    Row("grab + complete, 1,000,000 queued, TCP", takes(MILLION),
        sizes(50_000, 100_000, 2_000, 5_000), asks={CPU: CPU_1_3_LEAST},
        rounds_max_gearmand=1),
    Row("grab + complete, 10,000,000 queued, TCP", takes(10 * MILLION),
        sizes(100_000, 100_000), OURS, asks={CPU: CPU_1_3_LEAST}, is_long=True, rounds_max=2),
    Row("memory, 1,000,000 jobs of 64 bytes (gearmand: 100,000)", memory,
        sizes(MILLION, MILLION, 20_000, 100_000),
        asks={BYTES_A_JOB: Ask("<= 220", lambda of: of("gmand") <= 220),
              KEPT: Ask("<= 10", lambda of: of("gmand") <= 10)}, rounds_max=1),
    Row("memory, 10,000,000 jobs of 64 bytes", memory, sizes(10 * MILLION, 10 * MILLION), OURS,
        asks={BYTES_A_JOB: Ask("<= 220", lambda of: of("gmand") <= 220),
              KEPT: Ask("<= 10", lambda of: of("gmand") <= 10)}, is_long=True, rounds_max=1),
    Row("10,000 idle connections, TCP", idle_connections, sizes(10_000, 10_000), rounds_max=1),
    Row("1,000 sleeping workers, one job after the other, TCP", sleeping_workers,
        sizes(500, 2_000, 50, 200), asks={IN_VAIN: NONE_IN_VAIN}, rounds_max=2),
]

DURABLE_ROWS = [
    # So few jobs that Redis does not come to rewrite its file, which it would from 64 MiB on.
    Row("durable submit, 4 x 64 in flight, TCP", durable_submits(4, 64),
        sizes(200_000, 600_000, 500, 2_000), ALL_STORED,
        asks={RATE: Ask(">= 1.2x Redis, >= 100x gearmand libsqlite3",
                        lambda of: of(STORED) >= 1.2 * of(REDIS)
                        and of(STORED) >= 100 * of(SQLITE_GEARMAND))}),
    Row("durable submit, one at a time, TCP", durable_submits(1, 1),
        sizes(1_000, 5_000, 200, 1_000), ALL_STORED, turns=10,
        asks={P50: Ask("<= 1.3x least + fdatasync",
                       lambda of: of(STORED) <= 1.3 * of(JOURNAL))}),
    Row("durable jobs read back at the start", start_up, sizes(MILLION, MILLION), (STORED, REDIS),
        asks={READ_BACK: Ask(">= 1,000,000", lambda of: of(STORED) >= MILLION)},
        starts_itself=True),
    Row("background submit of a memory function, 4 x 64 in flight, 10,000 durable submits/s beside "
        "it, TCP", memory_beside_durable, sizes(3 * MILLION, 6 * MILLION), (STORED,),
        asks={MORE: Ask("<= 10", lambda of: of(STORED) <= 10),
              BESIDE: Ask(">= 9,500", lambda of: of(STORED) >= 9_500)},
        starts_itself=True),
    # 4 GiB over 256 MiB; in a quick run 512 MiB over 32 MiB.
    Row("grab + complete of a backlog of 4 KiB jobs, 16 times as large as its workloads may be in "
        "memory, after a restart, TCP", backlog, sizes(2**17, 2**20), (STORED,),
        asks={OF_MEMORY: Ask(">= 50", lambda of: of(STORED) >= 50),
              OF_BUDGET: Ask("<= 2", lambda of: of(STORED) <= 2)},
        rounds_max=1, starts_itself=True),
]

SERVED_ROWS = [
    Row("durable submit, 4 x 64 in flight, TCP", durable_submits(4, 64), sizes(100_000, 300_000),
        SERVED),
    Row("durable submit, 4 x 256 in flight, TCP", durable_submits(4, 256), sizes(200_000, 600_000),
        SERVED,
        asks={RATE: Ask(">= 50,000 each", lambda of: min(map(of, SERVED)) >= 50_000)}),
]

ASKED_OF_OUTBOXES = {
    outbox_rows.SECONDS: Ask("<= 2", lambda of: max(map(of, ALL_OUTBOXES)) <= 2),
    outbox_rows.P50_MS: Ask("PostgreSQL <= 20, MariaDB <= 50",
                            lambda of: of(POSTGRES) <= 20 and of(MARIADB) <= 50),
    outbox_rows.REST: Ask("< 0.5", lambda of: max(map(of, ALL_OUTBOXES)) < 0.5),
}
OUTBOX_ROWS = [
    Row("100,000 rows committed in one transaction", outbox_rows.bulk, sizes(100_000, 100_000),
        ALL_OUTBOXES, rounds_max=3, starts_itself=True,
        asks=ASKED_OF_OUTBOXES),
    Row("single rows", outbox_rows.single, sizes(50, 200), ALL_OUTBOXES, rounds_max=3,
        starts_itself=True, asks=ASKED_OF_OUTBOXES),
    Row("the relay at rest", outbox_rows.rest, sizes(10, 30), ALL_OUTBOXES, rounds_max=3,
        starts_itself=True,
        asks=ASKED_OF_OUTBOXES),
    # A quick run has it only when it asks for it, with 200,000.
    Row("the outbox beside ten million jobs that are held", backlog_rows.beside_backlog,
        sizes(200_000, 10_000_000), ALL_OUTBOXES, rounds_max=1, is_long=True, starts_itself=True,
        asks=ASKED_OF_OUTBOXES),
]

def more_at_most(microseconds):
    ask = Ask(f"<= {microseconds} each",
              lambda of: max(map(of, postgres_rows.LATER)) <= microseconds)
    return {postgres_rows.MORE_CPU: ask, postgres_rows.MORE_TIME: ask}


POSTGRES_ROWS = [
    Row("INSERT of 100,000 rows in PostgreSQL, a job each, FOR EACH STATEMENT",
        postgres_rows.triggers("statement"), sizes(100_000, 100_000), postgres_rows.LATER,
        asks=more_at_most(5), rounds_max=3, starts_itself=True),
    Row("INSERT of 100,000 rows in PostgreSQL, a job each, FOR EACH ROW",
        postgres_rows.triggers("row"), sizes(100_000, 100_000), postgres_rows.LATER,
        asks=more_at_most(12), rounds_max=3, starts_itself=True),
    Row("INSERT in PostgreSQL, a job and a round trip for each row", postgres_rows.immediate,
        sizes(5_000, 20_000), (postgres_rows.IMMEDIATE,), rounds_max=3, starts_itself=True,
        asks={postgres_rows.OF_ROUND_TRIP: Ask(
            "<= 1.3", lambda of: of(postgres_rows.IMMEDIATE) <= 1.3)}),
    Row("100 backends of PostgreSQL at once, each a job after the other", postgres_rows.crowd,
        sizes(20_000, 100_000), (postgres_rows.IMMEDIATE,), rounds_max=3, starts_itself=True),
]


def asks_of_mariadb(figure, text, holds):
    return {figure: Ask(text, lambda of: holds(of(MARIADB)))}


MYSQL_ROWS = [
    Row("jobs of one INSERT, a trigger writes the outbox",
        mysql_rows.into_outbox(mysql_rows.by_trigger), sizes(20_000, 100_000), (MARIADB,),
        rounds_max=3, starts_itself=True,
        asks=asks_of_mariadb(mysql_rows.MORE_CPU, "<= 10", lambda us: us <= 10)),
    Row("jobs of one INSERT, a trigger does CALL gman.enqueue",
        mysql_rows.into_outbox(mysql_rows.by_call), sizes(20_000, 100_000), (MARIADB,),
        rounds_max=3, starts_itself=True,
        asks=asks_of_mariadb(mysql_rows.MORE_CPU, "<= 15", lambda us: us <= 15)),
    Row("jobs of one INSERT, a trigger submits at once, Unix socket",
        mysql_rows.immediate(bench), sizes(10_000, 30_000), (MARIADB,), rounds_max=3,
        starts_itself=True,
        asks=asks_of_mariadb(mysql_rows.ROUND_TRIPS, "<= 1.3", lambda times: times <= 1.3)),
    Row("statements of 64 sessions, Unix socket", mysql_rows.sessions, sizes(32_000, 128_000),
        (MARIADB,), rounds_max=3, starts_itself=True,
        asks=asks_of_mariadb(mysql_rows.TIMES, ">= 2", lambda times: times >= 2)),
]

TABLES = [
    Table("Jobs in memory", "gmand", ALL,
          {"to the best gearmand": GEARMANDS, "to least": ("least",)}, MEMORY_ROWS),
    Table("Durable jobs", STORED, ALL_STORED,
          {"to Redis": (REDIS,), "to gearmand libsqlite3": (SQLITE_GEARMAND,),
           "to least + fdatasync": (JOURNAL,)}, DURABLE_ROWS, is_stored=True),
    Table("Durable jobs in a database server", SERVED[0], SERVED, {}, SERVED_ROWS,
          is_stored=True),
    Table("The outbox and its relay", POSTGRES, ALL_OUTBOXES, {}, OUTBOX_ROWS),
    Table("Triggers of PostgreSQL", postgres_rows.COMMIT, postgres_rows.DELIVERIES, {},
          POSTGRES_ROWS),
    Table("Jobs from inside of MariaDB", MARIADB, (MARIADB,), {}, MYSQL_ROWS),
]
