# SPDX-License-Identifier: BSD-3-Clause
"""The servers that are compared, each alive as long as a `with` block, and what /proc says of them.

    with start("gmand") as server:
        server.tcp, server.unix, server.pid, server.resident_bytes()
    with store_directory() as directory:             # two lives over one store
        with start("gmand sqlite", directory=directory): ...
        with start("gmand sqlite", directory=directory): ...

Each listens on a free port of 127.0.0.1 and, if it can, on a Unix socket. What is durable keeps its
jobs below `stores_below`, which has to be a disk: see disk_of().
"""

import contextlib
import dataclasses
import functools
import os
import pathlib
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/support"))

# pylint: disable=wrong-import-position
from gman_command import BINARY as GMAN  # pylint: disable=unused-import
from gmand import BINARY as GMAND, BUILD_DIR, Gmand
from mariadb import PrivateMariaDB
from postgres import PG_CONFIG, PrivatePostgres

LEAST = BUILD_DIR / "bin/bench/least"
REDIS_LOAD = BUILD_DIR / "bin/bench/redis_load"
START_SECONDS = 120
STOP_SECONDS = 60

ECHO = b"\0REQ\0\0\0\x10\0\0\0\x02hi"
ECHO_ANSWER = b"\0RES\0\0\0\x11\0\0\0\x02hi"
PING, PING_ANSWER = b"PING\r\n", b"+PONG\r\n"

# Not /tmp, which is in memory on many systems.
STORES_BELOW_DEFAULT = pathlib.Path("/var/tmp")
stores_below = STORES_BELOW_DEFAULT
IN_MEMORY = ("tmpfs", "ramfs")


@dataclasses.dataclass
class Server:
    name: str
    pid: int
    tcp: str
    unix: str | None = None
    protocol: str = "gearman"  # or "resp"
    works_alone: bool = True  # no other process has a part in its work, so that its CPU is all

    def resident_bytes(self):
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"^VmRSS:\s+(\d+) kB", text, re.MULTILINE).group(1)) * 1024

    def resident_bytes_max(self):
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"^VmHWM:\s+(\d+) kB", text, re.MULTILINE).group(1)) * 1024

    def loop_cpu_seconds(self):
        """Of its first thread, which serves everybody."""
        schedstat = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/schedstat")
        return 1e-9 * int(schedstat.read_text(encoding="ascii").split()[0])


def disk_of(directory):
    """The file system's type, of which IN_MEMORY keeps nothing through a loss of power."""
    done = subprocess.run(["df", "--output=fstype", directory], capture_output=True, text=True,
                          check=True)
    return done.stdout.split()[-1]


def sync_seconds(times=500):
    """What it costs to append 100 bytes below `stores_below` and make them safe: each time."""
    taken = []
    with tempfile.TemporaryFile(dir=stores_below, buffering=0) as file:
        for _ in range(times):
            began = time.monotonic()
            file.write(b"x" * 100)
            os.fdatasync(file.fileno())
            taken.append(time.monotonic() - began)
    return taken


@contextlib.contextmanager
def store_directory():
    with tempfile.TemporaryDirectory(prefix="gman-store-", dir=stores_below) as directory:
        os.chmod(directory, 0o711)  # PostgreSQL, who is no root, has a directory of its own below
        yield pathlib.Path(directory)


def gearmand_binary():
    """Debian's, which is in nobody's PATH but root's; None when it is not installed."""
    return shutil.which("gearmand", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")


def gearmand_version():
    done = subprocess.run([gearmand_binary(), "--version"], capture_output=True, text=True,
                          check=True)
    return done.stdout.split()[1]


def allow_descriptors():
    """As many as the system lets us have, here and in what we start."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


@contextlib.contextmanager
def stopped_at_the_end(process):
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def answers(port, question, answer):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=START_SECONDS) as peer:
            peer.sendall(question)
            return peer.recv(len(answer), socket.MSG_WAITALL) == answer
    except OSError:
        return False


@contextlib.contextmanager
def serving(command, port, question, answer):
    """The process, once it answers: what it keeps may have to be read first, and some servers
    listen already while they do that."""
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with stopped_at_the_end(process):
        until = time.monotonic() + START_SECONDS
        while not answers(port, question, answer):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{command} does not serve")
            time.sleep(0.005)
        yield process


@contextlib.contextmanager
def gmand(name, *options):
    with Gmand(*options, start_seconds=START_SECONDS) as server:
        if not answers(server.port, ECHO, ECHO_ANSWER):
            raise RuntimeError(f"gmand does not answer:\n{server.log()}")
        yield Server(name, server.pid, server.address, f"unix:{server.unix_socket}")


def gmand_sqlite(directory, *options):
    return gmand("gmand sqlite", "--store", f"sqlite:{directory}/jobs.db", *options)


@contextlib.contextmanager
def gearmand(name, threads, *options, works_alone=True):
    port = free_port()
    command = [gearmand_binary(), "--listen=127.0.0.1", f"--port={port}", "--log-file=stderr",
               f"--threads={threads}", "--backlog=1024", *options]
    with serving(command, port, ECHO, ECHO_ANSWER) as process:
        yield Server(name, process.pid, f"127.0.0.1:{port}", works_alone=works_alone)


def gearmand_sqlite(directory, *options):
    return gearmand("gearmand libsqlite3", 4, "--queue-type=libsqlite3",
                    f"--libsqlite3-db={directory}/queue.db", *options)


# tests/support/postgres.py starts one for tests, to which nothing is dear.
POSTGRES_DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on",
                    "shared_buffers": "128MB", "max_wal_size": "1GB", "autovacuum": "on"}


@contextlib.contextmanager
def gearmand_postgres(directory, *options):
    with (PrivatePostgres(settings=POSTGRES_DURABLE, extension=False, parent=directory) as postgres,
          gearmand("gearmand Postgres", 4, "--queue-type=Postgres",
                   f"--libpq-conninfo={postgres.dsn}", *options, works_alone=False) as server):
        yield server


@contextlib.contextmanager
def gmand_postgresql(directory, *options):
    with (PrivatePostgres(settings=POSTGRES_DURABLE, extension=False, parent=directory) as postgres,
          gmand("gmand postgresql", "--store", "postgresql://postgres@/postgres?host="
                f"{postgres.socket_dir}&port={postgres.port}", *options) as server):
        yield dataclasses.replace(server, works_alone=False)


# tests/support/mariadb.py starts one for tests, too.
MARIADB_DURABLE = ["--innodb-flush-log-at-trx-commit=1", "--innodb-doublewrite=1",
                   "--innodb-buffer-pool-size=256M", "--innodb-log-file-size=1G",
                   "--innodb-log-buffer-size=64M"]


@contextlib.contextmanager
def gmand_mysql(directory, *options):
    with PrivateMariaDB(options=MARIADB_DURABLE, parent=directory) as mariadb:
        mariadb.sql("CREATE DATABASE jobs")
        with gmand("gmand mysql", "--store",
                   f"mysql://root@localhost/jobs?socket={mariadb.socket}", *options) as server:
            yield dataclasses.replace(server, works_alone=False)


@contextlib.contextmanager
def gearmand_redis(directory, *options):
    with redis(directory) as store:
        port = store.tcp.split(":")[1]
        with gearmand("gearmand redis", 4, "--queue-type=redis", "--redis-server=127.0.0.1",
                      f"--redis-port={port}", *options, works_alone=False) as server:
            yield server


@contextlib.contextmanager
def gearmand_memcached(_, *options):
    port = free_port()
    command = ["memcached", "--listen=127.0.0.1", f"--port={port}", "--user=nobody"]
    with (serving(command, port, b"version\r\n", b"VERSION"),
          gearmand("gearmand libmemcached", 4, "--queue-type=libmemcached",
                   f"--libmemcached-servers=127.0.0.1:{port}", *options,
                   works_alone=False) as server):
        yield server


@contextlib.contextmanager
def redis(directory, *options):
    port = free_port()
    command = ["redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", directory,
               "--appendonly", "yes", "--appendfsync", "always", "--save", "", *options]
    with serving(command, port, PING, PING_ANSWER) as process:
        yield Server("Redis", process.pid, f"127.0.0.1:{port}", protocol="resp")


@contextlib.contextmanager
def least(name, directory, *journal):
    process = subprocess.Popen([LEAST, "0", f"{directory}/least.sock", *journal], text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    with process.stdout, stopped_at_the_end(process):
        tcp, unix = (process.stdout.readline().split()[1] for _ in range(2))
        yield Server(name, process.pid, tcp, unix)


def lacking(*programs):
    """A reason, if one of them is not here."""
    def reason():
        missing = [name for name in programs if shutil.which(name) is None]
        return f"{', '.join(missing)} is not installed" if missing else None
    return reason


def lacking_gearmand(*reasons):
    def reason():
        if gearmand_binary() is None:
            return "gearmand is not installed"
        return next(filter(None, (lacks() for lacks in reasons)), None)
    return reason


@functools.cache
def lacking_store():
    done = subprocess.run([GMAND, "--help"], capture_output=True, text=True, check=True)
    return None if "--store" in done.stdout else "this gmand has no --store"


@dataclasses.dataclass
class Kind:
    start: Callable  # of a directory and further options, a context manager
    lacks: Callable = lambda: None  # why it cannot be started here


KINDS = {
    "gmand": Kind(lambda _, *options: gmand("gmand", *options)),
    "gearmand -t 4": Kind(lambda _, *options: gearmand("gearmand -t 4", 4, *options),
                          lacking_gearmand()),
    "gearmand -t 1": Kind(lambda _, *options: gearmand("gearmand -t 1", 1, *options),
                          lacking_gearmand()),
    "least": Kind(lambda directory: least("least", directory)),
    "gmand sqlite": Kind(gmand_sqlite, lacking_store),
    "gmand postgresql": Kind(gmand_postgresql, lacking("psql", PG_CONFIG)),
    "gmand mysql": Kind(gmand_mysql, lacking("mariadb", "mariadb-install-db")),
    "gearmand libsqlite3": Kind(gearmand_sqlite, lacking_gearmand()),
    "gearmand Postgres": Kind(gearmand_postgres, lacking_gearmand(lacking("psql", PG_CONFIG))),
    "gearmand redis": Kind(gearmand_redis, lacking_gearmand(lacking("redis-server"))),
    "gearmand libmemcached": Kind(gearmand_memcached, lacking_gearmand(lacking("memcached"))),
    "Redis": Kind(redis, lacking("redis-server")),
    # Started by their rows, which know what belongs to them.
    "PostgreSQL": Kind(None, lacking("psql", PG_CONFIG)),
    "MariaDB": Kind(None, lacking("mariadb", "mariadb-install-db")),
    "delivery immediate": Kind(None, lacking("psql", PG_CONFIG)),
    "delivery commit": Kind(None, lacking("psql", PG_CONFIG)),
    "delivery outbox": Kind(None, lacking("psql", PG_CONFIG)),
    "least + fdatasync": Kind(lambda directory: least("least + fdatasync", directory,
                                                      f"{directory}/journal")),
}


def lacks(name):
    """Why that server cannot be started here; None when it can."""
    return KINDS[name].lacks()


@contextlib.contextmanager
def start(name, *options, directory=None):
    with contextlib.ExitStack() as stack:
        if directory is None:
            directory = stack.enter_context(store_directory())
        yield stack.enter_context(KINDS[name].start(directory, *options))
