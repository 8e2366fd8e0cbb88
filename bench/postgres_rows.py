# SPDX-License-Identifier: BSD-3-Clause
"""What is measured of the PostgreSQL extension: what its triggers add to an INSERT.

The server is a private one that was just started and is really synced; gmand keeps the jobs in
memory. Each statement with a trigger is set against the same one without, in alternation.
"""

import contextlib
import json
import pathlib
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests/support"))

import gmand  # pylint: disable=wrong-import-position
import postgres  # pylint: disable=wrong-import-position
import servers  # pylint: disable=wrong-import-position
from outbox_rows import POSTGRES_SETTINGS, cpu_seconds  # pylint: disable=wrong-import-position

COMMIT = "delivery commit"
OUTBOX = "delivery outbox"
IMMEDIATE = "delivery immediate"
LATER = (COMMIT, OUTBOX)
DELIVERIES = (*LATER, IMMEDIATE)

MORE_CPU = "CPU of the backend, us a row more"
MORE_TIME = "time, us a row more"
BARE_TIME = "time without the trigger, us a row"
ROUND_TRIP = "a bare round trip, us"
OF_ROUND_TRIP = "of a bare round trip"
RATE = "jobs/s"

FUNCTION = "gman_bench"
PAIRS = 5
BACKENDS = 100
PATIENCE_SECONDS = 300

# All of a statement's jobs are to go the way that is measured.
SETTINGS = {**POSTGRES_SETTINGS, "autovacuum": "off", "max_connections": str(BACKENDS + 20),
            "gman.commit_jobs_max": "1000000", "gman.commit_budget": "1min"}


@contextlib.contextmanager
def database_and_server():
    with gmand.Gmand() as server, \
            postgres.PrivatePostgres(servers=server.address, settings=SETTINGS) as database:
        database.sql("SET client_min_messages = warning; CREATE EXTENSION gman; "
                     "SELECT gman_outbox_install(); "
                     "CREATE TABLE page (id int PRIMARY KEY, url text)")
        yield database, server


def expect(answer, expected):
    if answer != expected:
        raise RuntimeError(f"PostgreSQL answered {answer!r} where {expected!r} was expected")


def insert(session, rows):
    """CPU seconds and seconds of one statement, with its COMMIT."""
    expect(session.run("TRUNCATE page, gman.outbox"), "")
    cpu, began = cpu_seconds(session.pid), time.monotonic()
    expect(session.run("INSERT INTO page SELECT i, 'http://localhost/page/' || i "
                       f"FROM generate_series(1, {rows}) AS i"), "")
    return cpu_seconds(session.pid) - cpu, time.monotonic() - began


def watch(session, delivery, level):
    options = json.dumps({"level": level, "delivery": delivery.split()[-1], "events": ["insert"]})
    expect(session.run(f"SELECT gman_watch('page', '{FUNCTION}', '#pk', '{options}')"), "")


def unwatch(session):
    session.run(f"SELECT gman_unwatch('page', '{FUNCTION}')")


def medians(runs):
    return [statistics.median(figures) for figures in zip(*runs)]


def queued(session, server, delivery):
    """How many jobs there are: those of a key that is inserted again join the one that waits."""
    if delivery == OUTBOX:
        return int(session.run("SELECT count(*) FROM gman.outbox"))
    return int(server.admin("status").split("\t")[1])


def triggers(level):
    def measure(delivery, size):
        bare, watched = [], []
        with database_and_server() as (database, server), database.session() as session:
            for number in range(PAIRS + 1):
                unwatch(session)
                without = insert(session, size)
                watch(session, delivery, level)
                with_it = insert(session, size)
                expect(queued(session, server, delivery), size)
                if number > 0:  # the first ones make what is made once
                    bare.append(without)
                    watched.append(with_it)
        (cpu, seconds), (cpu_watched, seconds_watched) = medians(bare), medians(watched)
        return {MORE_CPU: 1e6 * (cpu_watched - cpu) / size,
                MORE_TIME: 1e6 * (seconds_watched - seconds) / size,
                BARE_TIME: 1e6 * seconds / size}
    return measure


def seconds_of_submits(server, jobs):
    """Background submits, one after the other, by a client that does nothing else."""
    done = subprocess.run([servers.GMAN, "bench", "-s", server.address, "-c", "1", "-w", "1", "-n",
                           str(jobs), "--json"], capture_output=True, text=True, check=True,
                          timeout=PATIENCE_SECONDS)
    return jobs / json.loads(done.stdout)["jobs_per_second"]


def immediate(delivery, size):
    """A round trip a row, beside the round trips of `gman bench`, in alternation."""
    runs = []
    with database_and_server() as (database, server), database.session() as session:
        for number in range(PAIRS + 1):
            submits = seconds_of_submits(server, size)
            unwatch(session)
            _, without = insert(session, size)
            watch(session, delivery, "row")
            _, with_it = insert(session, size)
            if number > 0:
                runs.append((submits, with_it - without, (with_it - without) / submits))
    submits, more, ratio = medians(runs)
    return {MORE_TIME: 1e6 * more / size, ROUND_TRIP: 1e6 * submits / size, OF_ROUND_TRIP: ratio}


def crowd(delivery, size):
    """Backends that all queue jobs at once, each over its own connection, until all are done."""
    jobs = size // BACKENDS
    ask = json.dumps({"delivery": delivery.split()[-1]})
    with database_and_server() as (database, server):
        clients = [database.popen_sql() for _ in range(BACKENDS)]
        for client in clients:  # connected, and the library loaded
            client.stdin.write(b"SELECT gman_ping() IS NOT NULL;\n")
            client.stdin.flush()
        for client in clients:
            expect(client.stdout.readline(), b"t\n")
        began = time.monotonic()
        for client in clients:
            client.stdin.write(f"SELECT count(gman_do_background('{FUNCTION}', i::text, NULL, "
                               f"'{ask}')) FROM generate_series(1, {jobs}) AS i;\n".encode())
            client.stdin.flush()
        for client in clients:
            expect(client.stdout.readline(), f"{jobs}\n".encode())
        seconds = time.monotonic() - began
        for client in clients:
            _, told = client.communicate()
            expect(told, b"")
        expect(server.admin("status").split("\t")[:2], [FUNCTION, str(jobs * BACKENDS)])
    return {RATE: jobs * BACKENDS / seconds}
