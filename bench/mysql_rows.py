# SPDX-License-Identifier: BSD-3-Clause
"""What is measured of the functions and triggers in MariaDB: what a row's job adds to its INSERT,
and what the pool of idle connections saves.

The database is a private one that was just started, on a disk that is really synced; gmand keeps
the jobs in memory and is reached by its Unix socket. All rows of a measurement are one statement,
so that what its client and its commit take is shared by all of them.

What the outbox costs is told in MariaDB's own processor time, which other work on the machine
disturbs least. What goes to the job server and back is told in time that passes, beside a bare
round trip of a moment before or after.
"""

import contextlib
import pathlib
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests/support"))

import gmand  # pylint: disable=wrong-import-position
import outbox  # pylint: disable=wrong-import-position
from outbox_rows import MARIADB_OPTIONS, cpu_seconds  # pylint: disable=wrong-import-position

BARE_CPU = "CPU of a bare INSERT, us a row"
MORE_CPU = "CPU of its job, us a row"
BARE = "a bare INSERT, us a row"
MORE = "its job, us a row"
ROUND_TRIP = "a bare round trip, us"
ROUND_TRIPS = "its job, in round trips"
RATE = "jobs/s"
CONNECTING = "jobs/s with a connection per statement"
TIMES = "times as many with the pool"

FUNCTION = "gman_bench"
PAIRS = 7
SESSIONS = 64
PATIENCE_SECONDS = 600

TABLES = """
    CREATE DATABASE bench; USE bench;
    CREATE TABLE bare (id BIGINT AUTO_INCREMENT PRIMARY KEY, url VARCHAR(200)) ENGINE = InnoDB;
    CREATE TABLE page LIKE bare;
    CREATE TABLE gate (id INT) ENGINE = InnoDB"""
BY_CALL = f"""
    CREATE TRIGGER bench.page_calls AFTER INSERT ON bench.page FOR EACH ROW
      CALL gman.enqueue('{FUNCTION}', NEW.url, NULL)"""
STATEMENTS = f"""
    DELIMITER //
    CREATE PROCEDURE bench.statements(times INT)
    BEGIN
      WHILE times > 0 DO
        SET @job = gman_do_background('{FUNCTION}', times), times = times - 1;
      END WHILE;
    END //
    DELIMITER ;"""


@contextlib.contextmanager
def serving():
    """A database with everything of gman's in it, and the job server that it knows."""
    with gmand.Gmand() as server:
        # The database server may run under another account.
        server.directory.chmod(0o711)
        pathlib.Path(server.unix_socket).chmod(0o666)
        with outbox.OutboxMariaDB(options=MARIADB_OPTIONS, config=configured(server)) as database:
            database.install_functions()
            database.sql(database.script("trigger.sql"))
            database.sql(TABLES)
            yield database, server


def configured(server, more=""):
    return f'servers = "unix:{server.unix_socket}"\n{more}'


def make_generated(database, delivery):
    """As users do; the client prints the statements that the next one runs."""
    client = database.popen_sql(
        f"CALL gman.trigger_sql('bench.page', '{FUNCTION}', 'url', '{delivery}')",
        options=["--raw"])
    printed, _ = client.communicate(timeout=PATIENCE_SECONDS)
    database.sql(printed.decode())


def insert(database, table, rows):
    """So many rows by one statement, its commit included: microseconds for each that passed, and
    of the server's processor."""
    database.sql(f"TRUNCATE bench.{table}; TRUNCATE gman.outbox")
    before = cpu_seconds(database.pid)
    passed = database.sql(
        f"SET @began = SYSDATE(6); INSERT INTO bench.{table} (url)"
        f"  SELECT CONCAT('http://example.org/', seq) FROM seq_1_to_{rows};"
        "SELECT TIMESTAMPDIFF(MICROSECOND, @began, SYSDATE(6))", database="bench")
    return int(passed) / rows, 1e6 * (cpu_seconds(database.pid) - before) / rows


def in_pairs(measure):
    """What `measure(table)` says of a bare table and of one with a trigger, pair by pair, in
    changing order, after a first one that is not looked at."""
    pairs = []
    for number in range(PAIRS + 1):
        tables = ("bare", "page") if number % 2 == 0 else ("page", "bare")
        taken = {table: measure(table) for table in tables}
        pairs.append((taken["bare"], taken["page"]))
    return pairs[1:]


def into_outbox(make_triggers):
    def measure(_, size):
        with serving() as (database, _):
            make_triggers(database)
            pairs = in_pairs(lambda table: insert(database, table, size)[1])
        return {BARE_CPU: statistics.median(bare for bare, _ in pairs),
                MORE_CPU: statistics.median(watched - bare for bare, watched in pairs)}
    return measure


def by_trigger(database):
    make_generated(database, "outbox")


def by_call(database):
    database.sql(BY_CALL)


def immediate(bench):
    """`bench(address, *options)` runs `gman bench`, whose one job after the other on one connection
    is the bare round trip."""
    def measure(_, size):
        round_trips = []
        with serving() as (database, server):
            make_generated(database, "immediate")

            def row_us(table):
                if table == "bare":
                    run = bench(f"unix:{server.unix_socket}", "-c", 1, "-w", 1, "-n", size)
                    round_trips.append(1e6 / run["jobs_per_second"])
                return insert(database, table, size)[0]

            pairs = in_pairs(row_us)
        costs = [watched - bare for bare, watched in pairs]
        return {BARE: statistics.median(bare for bare, _ in pairs), MORE: statistics.median(costs),
                ROUND_TRIP: statistics.median(round_trips[1:]),
                ROUND_TRIPS: statistics.median(
                    cost / round_trip for cost, round_trip in zip(costs, round_trips[1:]))}
    return measure


def sessions_rate(database, statements):
    """Statements a second of all sessions, which begin together."""
    with database.popen_sql() as keeper:
        keeper.stdin.write(b"LOCK TABLES bench.gate WRITE; SELECT 'closed';\n")
        keeper.stdin.flush()
        keeper.stdout.readline()
        clients = [database.popen_sql(
            "SELECT COUNT(*) FROM bench.gate; SET @began = UNIX_TIMESTAMP(SYSDATE(6));"
            f"CALL bench.statements({statements});"
            "SELECT CONCAT_WS(' ', @began, UNIX_TIMESTAMP(SYSDATE(6)))") for _ in range(SESSIONS)]
        waiting = ("SELECT COUNT(*) FROM information_schema.PROCESSLIST"
                   " WHERE STATE LIKE 'Waiting for table%'")
        while int(database.sql(waiting)) < SESSIONS:
            if any(client.poll() is not None for client in clients):
                raise RuntimeError("a session of MariaDB ended before its time")
        keeper.communicate(b"UNLOCK TABLES;\n", timeout=PATIENCE_SECONDS)
        times = [client.communicate(timeout=PATIENCE_SECONDS)[0].split()[-2:] for client in clients]
    began, ended = zip(*(map(float, each) for each in times))
    return SESSIONS * statements / (max(ended) - min(began))


def sessions(_, size):
    """The same sessions with the pool and, as a file that changed has it, with no idle connection
    kept."""
    rates, rates_connecting = [], []
    with serving() as (database, server):
        database.sql(STATEMENTS)
        for number in range(PAIRS):
            for is_pooled in (number % 2 == 0, number % 2 == 1):
                more = "" if is_pooled else "idle_connections_max = 0\n"
                database.config_path.write_text(configured(server, more), encoding="utf-8")
                rate = sessions_rate(database, size // SESSIONS)
                (rates if is_pooled else rates_connecting).append(rate)
    rate, connecting = statistics.median(rates), statistics.median(rates_connecting)
    return {RATE: rate, CONNECTING: connecting, TIMES: rate / connecting}
