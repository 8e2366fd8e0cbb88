# SPDX-License-Identifier: BSD-3-Clause
"""First figures: what a background submit and a foreground round trip cost the job server.

Two workloads, each over loopback TCP against a server that does nothing else: background jobs
submitted over 4 connections with 64 unanswered on each, and one client and one worker that take
turns. The server's CPU time is read from /proc and is what to compare; the rates are what this
generator (one Python thread on the same machine) could drive, so they are lower bounds. Each line
is the cheapest run of three.
"""

import argparse
import contextlib
import os
import pathlib
import selectors
import shutil
import socket
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/support"))

import wire
from gmand import Gmand

CONNECTIONS = 4
IN_FLIGHT = 64
WORKLOAD = b"x" * 64
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system time of the process and all its threads."""
    text = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


class Submitter:
    """One connection that keeps IN_FLIGHT background submits unanswered until its share is sent."""

    CREATED = wire.RES + wire.JOB_CREATED.to_bytes(4, "big")

    def __init__(self, address, jobs):
        self.socket = wire.connect(address)
        packet = wire.encode(wire.SUBMIT_JOB_BG, "bench", "", WORKLOAD)
        self.packet_bytes = len(packet)
        self.batch = packet * IN_FLIGHT
        self.to_send = jobs
        self.to_come = jobs
        self.tail = b""

    def send(self, count):
        count = min(count, self.to_send)
        self.to_send -= count
        self.socket.sendall(self.batch[: count * self.packet_bytes])

    def receive(self):
        """Reads what has come, and replaces each answered submit by a new one."""
        received = self.socket.recv(1 << 16)
        if not received:
            raise wire.Closed(f"the server hung up with {self.to_come} answers to come")
        data = self.tail + received
        answered = data.count(self.CREATED)
        # A packet's beginning may be cut; one that was counted must not be seen again.
        self.tail = data[-(len(self.CREATED) - 1) :]
        self.to_come -= answered
        self.send(answered)


def submit_background(address, jobs):
    """Seconds until every one of the jobs was acknowledged."""
    submitters = [Submitter(address, jobs // CONNECTIONS) for _ in range(CONNECTIONS)]
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as stack:
        for submitter in submitters:
            stack.enter_context(submitter.socket)
            selector.register(submitter.socket, selectors.EVENT_READ, submitter)
        started = time.perf_counter()
        for submitter in submitters:
            submitter.send(IN_FLIGHT)
        while any(submitter.to_come for submitter in submitters):
            ready = selector.select(30)
            if not ready:
                raise TimeoutError("no answer for 30 s")
            for key, _ in ready:
                key.data.receive()
        return time.perf_counter() - started


def round_trips(address, count):
    """Seconds of each foreground job: submitted, taken by a woken worker, completed, answered."""
    times = []
    with wire.Peer(address) as worker, wire.Peer(address) as client:
        worker.send(wire.CAN_DO, "echo")
        worker.echo()
        for _ in range(count):
            worker.send(wire.PRE_SLEEP)
            worker.echo()
            started = time.perf_counter()
            client.send(wire.SUBMIT_JOB, "echo", "", WORKLOAD)
            client.receive()
            handle, _, workload = worker.grab()
            worker.send(wire.WORK_COMPLETE, handle, workload)
            assert client.result() == WORKLOAD
            times.append(time.perf_counter() - started)
    return times


@contextlib.contextmanager
def gearmand(binary):
    """The C server, with its own defaults but for where it listens; yields (address, pid)."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [binary, "--listen=127.0.0.1", f"--port={port}", "--log-file=stderr"],
        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 10
        while True:
            try:
                wire.connect(f"127.0.0.1:{port}").close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > until:
                    raise
                time.sleep(0.01)
        yield f"127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait(30)


@contextlib.contextmanager
def gman():
    with Gmand() as server:
        yield server.address, server.pid


def report(server, workload, rate, cpu):
    print(f"{server:10} {workload:36} {rate:>14} {cpu * 1e6:8.2f} us", flush=True)


def measured(run, pid):
    """What the run returned and the server's CPU seconds, of the cheapest run of three."""
    results = []
    for _ in range(3):
        before = cpu_seconds(pid)
        result = run()
        results.append((cpu_seconds(pid) - before, result))
    cpu, result = min(results, key=lambda pair: pair[0])
    return result, cpu


def measure(name, start, options):
    """Both workloads, each on a server of its own so that the one's backlog is not the other's."""
    with start() as (address, pid):
        seconds, cpu = measured(lambda: submit_background(address, options.jobs), pid)
        report(name, "background submit, 4 x 64 in flight", f"{options.jobs / seconds:,.0f}/s",
               cpu / options.jobs)
    with start() as (address, pid):
        times, cpu = measured(lambda: round_trips(address, options.round_trips), pid)
        report(name, "foreground, 1 client, 1 worker", f"{statistics.median(times) * 1e6:,.0f} us",
               cpu / len(times))


def main():
    parser = argparse.ArgumentParser(
        prog="tools/dev bench", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=300_000, help="background jobs of a run")
    parser.add_argument("--round-trips", type=int, default=5_000, help="foreground jobs of a run")
    options = parser.parse_args()
    options.jobs -= options.jobs % CONNECTIONS

    servers = {"gmand": gman}
    binary = shutil.which("gearmand", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if binary:
        servers["gearmand"] = lambda: gearmand(binary)
    print(f"{'server':10} {'workload, 64 bytes':36} {'rate or p50':>14} {'CPU a job':>11}")
    for name, start in servers.items():
        measure(name, start, options)
    if not binary:
        print("gearmand is not installed (Debian's gearman-job-server): not measured")


if __name__ == "__main__":
    main()
