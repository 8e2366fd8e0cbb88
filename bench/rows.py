# SPDX-License-Identifier: BSD-3-Clause
"""What is measured: one function for each kind of workload, and the table of rows.

A row's `measure(server, size)` has a server of its own, just started, and returns its figures by
name. `asks` says what a figure has to hold: the text for the table, and a test over the medians of
all servers.
"""

import contextlib
import dataclasses
import json
import socket
import subprocess
from collections.abc import Callable

from servers import GMAN

GEARMANDS = ("gearmand -t 4", "gearmand -t 1")
OURS = ("gmand", "least")
ALL = ("gmand", *GEARMANDS, "least")
RUN_SECONDS_MAX = 1200

RATE = "jobs/s"
CPU = "server CPU a job, us"
P50 = "latency p50, us"
P99 = "latency p99, us"


def bench(address, *options):
    """The figures of one run of `gman bench`, which must end well."""
    done = subprocess.run([GMAN, "bench", "-s", address, "--json", *map(str, options)],
                          capture_output=True, text=True, timeout=RUN_SECONDS_MAX, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"gman bench -s {address} {options}: {done.stderr}{done.stdout}")
    return json.loads(done.stdout)


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
        fill(server, queued_gearmand if server.name in GEARMANDS else queued, *unique)
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

ECHO = b"\0REQ\0\0\0\x10\0\0\0\x02hi"
ECHO_ANSWER = b"\0RES\0\0\0\x11\0\0\0\x02hi"


def idle_connections(server, size):
    """Each has been served once, so that the server knows it and has nothing to do for it."""
    host, port = server.tcp.split(":")
    with contextlib.ExitStack() as stack:
        before = server.resident_bytes()
        for _ in range(size):
            peer = stack.enter_context(socket.create_connection((host, int(port)), timeout=30))
            peer.sendall(ECHO)
            if peer.recv(64) != ECHO_ANSWER:
                raise RuntimeError(f"{server.name} does not answer ECHO_REQ")
        return {BYTES_A_CONNECTION: (server.resident_bytes() - before) / size}


def sleeping_workers(server, size):
    """Single jobs, one after the other, for many workers of one function that all sleep."""
    run = bench(server.tcp, "--server-pid", server.pid, "--foreground", "-c", 1, "-w", 1,
                "--workers", 1000, "-n", size)
    return {WAKES: run["wakes"] / size, IN_VAIN: run["wakes_in_vain"] / size,
            CPU: run["server_cpu_us_per_job"], P50: run["latency_p50_us"]}


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


def sizes(quick, full, gearmand_quick=None, gearmand_full=None):
    ours = {"quick": quick, "full": full}
    theirs = {"quick": gearmand_quick or quick, "full": gearmand_full or full}
    return {name: theirs if name in GEARMANDS else ours for name in ALL}


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

ROWS = [
    Row("background submit, 4 x 64 in flight, TCP", submits("tcp"),
        sizes(MILLION, 2 * MILLION, 300_000, MILLION), asks=SUBMIT_ASKS),
    Row("background submit, 4 x 64 in flight, Unix socket", submits("unix"),
        sizes(MILLION, 2 * MILLION), OURS,
        asks={CPU: Ask("<= 3x least", lambda of: of("gmand") <= 3 * of("least"))}),
    Row("the same with distinct uniques, nothing queued before, TCP", submits("tcp", "--unique"),
        sizes(300_000, 300_000, 30_000, 30_000), asks={CPU: AT_MOST_1_5}),
    # A million uniques take gearmand many minutes to queue.
    Row("the same with distinct uniques, 1,000,000 queued (gearmand: 100,000), TCP",
        submits("tcp", "--unique", queued=MILLION, queued_gearmand=100_000),
        sizes(300_000, 300_000, 5_000, 10_000), asks={CPU: AT_MOST_1_5}),
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
