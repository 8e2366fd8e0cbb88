# SPDX-License-Identifier: BSD-3-Clause
"""What is measured of gman-relay: how long committed rows take, and what it costs at rest.

Databases are private ones that were just started, on a disk that is really synced; gmand keeps the
jobs in memory, so that the figures are the relay's and the database's.
"""

import contextlib
import pathlib
import random
import statistics
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests/support"))

import gmand  # pylint: disable=wrong-import-position
import outbox  # pylint: disable=wrong-import-position
import relay  # pylint: disable=wrong-import-position
import wire  # pylint: disable=wrong-import-position

POSTGRES = "PostgreSQL"
MARIADB = "MariaDB"
ALL_OUTBOXES = (POSTGRES, MARIADB)

SECONDS = "seconds until all are in gmand"
P50_MS = "from COMMIT to a worker, p50, ms"
P99_MS = "from COMMIT to a worker, p99, ms"
REST = "CPU of the relay, % of a core"

FUNCTION = "gman_bench"
PATIENCE_SECONDS = 300

# Those of a small server that is meant seriously.
POSTGRES_SETTINGS = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on",
                     "shared_buffers": "256MB", "max_wal_size": "2GB", "autovacuum": "on"}
MARIADB_OPTIONS = ["--innodb-buffer-pool-size=256M", "--innodb-log-file-size=256M",
                   "--innodb-flush-log-at-trx-commit=1", "--innodb-doublewrite=1"]


@contextlib.contextmanager
def shipping(name):
    """A database, a job server and a relay between them."""
    database = (outbox.OutboxPostgres(settings=POSTGRES_SETTINGS) if name == POSTGRES
                else outbox.OutboxMariaDB(options=MARIADB_OPTIONS))
    with database, gmand.Gmand() as server, relay.Relay(database.url, to=server.address) as shipper:
        yield database, server, shipper


def bulk(name, size):
    """All in one transaction, counted from when its client hears that it is committed."""
    with shipping(name) as (database, server, _):
        return one_transaction(database, server, FUNCTION, size)


def one_transaction(database, server, function, size):
    database.enqueue_many(function, size, "x" * 60)
    committed = time.monotonic()
    row = f"{function}\t{size}\t"
    server.wait_admin("status", lambda answer: any(line.startswith(row)
                                                   for line in answer.splitlines()),
                      PATIENCE_SECONDS)
    return {SECONDS: time.monotonic() - committed}


def single(name, size):
    """One row after the other, at random moments; the statement itself is counted too."""
    with shipping(name) as (database, server, _):
        return single_rows(database, server, FUNCTION, size)


def single_rows(database, server, function, size):
    arrived = threading.Event()

    def work(_):
        arrived.set()
        return b""

    took = []
    with wire.Worker(server.address, {function: work}), database.popen_sql() as client:
        for _ in range(size):
            time.sleep(random.uniform(0.05, 0.15))
            arrived.clear()
            began = time.monotonic()
            client.stdin.write(database.enqueue_sql(function, "x").encode() + b"\n")
            client.stdin.flush()
            if not arrived.wait(PATIENCE_SECONDS):
                raise RuntimeError(f"{database.url}: a committed row did not arrive")
            took.append(1000 * (time.monotonic() - began))
        client.communicate()
    return {P50_MS: statistics.median(took), P99_MS: statistics.quantiles(took, n=100)[98]}


def cpu_seconds(pid):
    """Of all its threads, to the nanosecond: what works for microseconds is between the ticks."""
    return sum(int(task.read_text(encoding="ascii").split()[0])
               for task in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def rest(name, size):
    """For so many seconds nothing is enqueued."""
    with shipping(name) as (_, _, shipper):
        return rest_of(shipper, size)


def rest_of(shipper, seconds):
    before, began = cpu_seconds(shipper.pid), time.monotonic()
    time.sleep(seconds)
    return {REST: 100 * (cpu_seconds(shipper.pid) - before) / (time.monotonic() - began)}
