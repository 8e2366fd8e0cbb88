# SPDX-License-Identifier: BSD-3-Clause
"""A private PostgreSQL that lives as long as a `with` block.

It has its own data directory and Unix socket below one directory in /tmp (or where `parent` says)
that nobody else may enter, listens on no TCP address unless `settings` says so, and touches no
cluster of the system.
The extension is installed from the tree by its own Makefile into the same directory
(`make install DESTDIR=…`); Debian's setting extension_destdir lets CREATE EXTENSION find it there;
from 18 on it is PostgreSQL's own extension_control_path.
The superuser is `postgres`, without a password.

    with PrivatePostgres(servers="127.0.0.1:4730") as postgres:
        postgres.sql("CREATE EXTENSION gman")
        print(postgres.sql("SELECT gman_do('reverse', 'Hello')"))

Errors of sql() are SqlError, whose `sqlstate` says which. A Session is one psql that stays
connected, for what must happen in one backend.

GMAN_POSTGRES_SERVER names a directory of `tools/dev servers`, whose PostgreSQL it is then, and for
which the extension is built; the system's otherwise.
"""
import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import signal
import subprocess

import fetched
import templates
from patience import wait_until
from private_server import PrivateServer

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD_DIR = pathlib.Path(os.environ.get("GMAN_BUILD_DIR", ROOT / "build" / "release"))
TREE = fetched.tree("GMAN_POSTGRES_SERVER")
if TREE:
    PG_CONFIG, = map(str, TREE.glob("usr/lib/postgresql/*/bin/pg_config"))
else:
    PG_CONFIG = os.environ.get("PG_CONFIG", "pg_config")
PGXS_DIR = BUILD_DIR / "ext_postgres" / (f"pgxs-{TREE.name}" if TREE else "pgxs")

_SMALL = {
    "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off",
    "shared_buffers": "16MB", "max_wal_size": "256MB", "max_connections": "40",
    "autovacuum": "off", "lc_messages": "C", "dynamic_shared_memory_type": "mmap",
}


class SqlError(Exception):
    """psql's standard error, with verbosity verbose: "ERROR:  22004: …"."""

    @property
    def sqlstate(self):
        """The code of the last error in it; None when it was no error of the server."""
        codes = re.findall(r"\b(?:ERROR|FATAL|PANIC):  ([0-9A-Z]{5}):", str(self))
        return codes[-1] if codes else None


class PrivatePostgres(PrivateServer):
    name = "PostgreSQL"
    prefix = "gman-pg-"
    ready = "ready to accept connections"
    port_is_taken = "Address already in use"
    accounts = ("postgres", "nobody")
    stop_signal = signal.SIGINT  # a fast shutdown: ends every session first
    end_signal = signal.SIGQUIT

    def __init__(self, servers=None, settings=None, extension=True, encoding="UTF8",
                 parent="/tmp", namespace=None, environment=None, preload=False, primary=None):
        """`servers` is gman.servers; `settings` are lines of postgresql.conf, name to value;
        `environment` is added to the server's; `preload` has the extension in
        shared_preload_libraries. As a hot standby it follows the server `primary`."""
        super().__init__(parent, namespace)
        self._server_environment = environment
        self._settings = dict(_SMALL, **(settings or {}))
        if servers is not None:
            self._settings["gman.servers"] = servers
        self._extension = extension
        self._encoding = encoding
        self._preload = preload
        self._primary = primary
        if primary is not None:
            self.ready = "ready to accept read-only connections"

    socket_dir = property(lambda self: str(self.directory))
    dsn = property(lambda self: f"host={self.socket_dir} port={self.port} user=postgres "
                                "dbname=postgres")

    def sql(self, text, database="postgres", user="postgres"):
        """Runs statements, returns their rows (fields parted by |). Raises SqlError at the first
        error; bytes that are no UTF-8 come back as surrogate escapes."""
        client = self.popen_sql(text, database=database, user=user)
        out, err = client.communicate()
        if client.returncode != 0:
            raise SqlError(err.decode("utf-8", "replace").strip())
        return out.decode("utf-8", "surrogateescape").removesuffix("\n")

    def popen_sql(self, text=None, database="postgres", user="postgres", name="psql"):
        """A psql that runs meanwhile: a Popen with pipes, its standard input closed after `text`
        when that is given. `name` is its application_name."""
        client = subprocess.Popen(self.psql(database, user) + ["-v", "ON_ERROR_STOP=1"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, env=_client_environment(name))
        if text is not None:
            client.stdin.write(text.encode("utf-8", "surrogateescape"))
            client.stdin.close()
            client.stdin = None  # so that communicate() does not touch it again
        return client

    def session(self, database="postgres", user="postgres"):
        """One connection that stays: see Session."""
        return Session(self.psql(database, user))

    def psql(self, database="postgres", user="postgres", host=None, port=None):
        """The command, for this server, or for what stands before it."""
        return ["psql", "-XAtq", "-v", "VERBOSITY=verbose", "-v", "SHOW_CONTEXT=never",
                "-h", str(host or self.socket_dir), "-p", str(port or self.port), "-U", user,
                "-d", database]

    def catch_up(self):
        """Until all that the primary has written is to be seen in this standby."""
        written = self._primary.sql("SELECT pg_current_wal_lsn()")
        wait_until(lambda: self.sql(f"SELECT pg_last_wal_replay_lsn() >= '{written}'") == "t",
                   "the standby has replayed what its primary has written")

    def promote(self):
        """Makes a primary of a standby."""
        self.sql("SELECT pg_promote()")

    def _prepare(self):
        self._make_cluster()
        if self._extension:
            templates.copy("extension", self.directory / "root", install_extension)
            self._settings.update(installed_below(self.directory / "root"))
        if self._preload:
            # A name without a directory is looked for along this path only.
            libraries = pg_path("--pkglibdir")
            self._settings["dynamic_library_path"] = f"{self.directory}/root{libraries}:$libdir"
            self._settings["shared_preload_libraries"] = "gman"

    def _make_cluster(self):
        data = self.directory / "data"
        if self._primary is None:
            templates.copy(("PostgreSQL", self._encoding), data, self._initdb)
        else:
            self._run_once([server_program("pg_basebackup"), "-R", "-D", data, "-c", "fast",
                            "--no-sync", "-d", self._primary.dsn])

    def _initdb(self, data):
        data.mkdir()
        self._give(data)
        self._run_once([server_program("initdb"), "-D", data, "-U", "postgres", "-A", "trust",
                        "-E", self._encoding, "--locale=C", "--no-sync", "--no-instructions"])

    def _environment(self):
        return dict(os.environ, **self._server_environment) if self._server_environment else None

    def _command(self):
        settings = {"port": self.port, "unix_socket_directories": self.socket_dir,
                    "listen_addresses": "", **self._settings}
        command = [server_program("postgres"), "-D", self.directory / "data"]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        return command


class Session:
    """One psql that stays connected. `run` answers with everything that the statement printed,
    rows and errors alike in the order they came, so a test can go on after an error."""

    _END = "-- end of the answer --"

    def __init__(self, command):
        self._client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, env=_client_environment("psql"))
        self._is_running = False
        self.pid = int(self.run("SELECT pg_backend_pid()"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def run(self, text):
        """Runs one statement and returns what it printed."""
        self.start(text)
        return self.finish()

    def start(self, text):
        """Sends one statement and does not wait for it; finish() does."""
        self._is_running = True
        self._client.stdin.write(f"{text}\n;\n\\echo {self._END}\n".encode())
        self._client.stdin.flush()

    def finish(self):
        lines = []
        while (line := self._client.stdout.readline()):
            line = line.decode("utf-8", "surrogateescape").removesuffix("\n")
            if line == self._END:
                break
            if not line.startswith("LOCATION:"):
                lines.append(line)
        self._is_running = False
        return "\n".join(lines)

    def close(self):
        if self._is_running:  # psql would wait for the end of the statement
            self._client.kill()
        with contextlib.suppress(BrokenPipeError):  # its backend, and so psql, may have been ended
            self._client.stdin.close()
        self._client.stdout.close()
        self._client.wait()


def install_extension(destdir):
    """`make install` of the extension, from the objects of the build when it has made them."""
    BUILD_DIR.mkdir(parents=True, exist_ok=True)
    with open(BUILD_DIR / "ext_postgres.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one make at a time in one build directory
        made = subprocess.run(
            ["make", "-s", "-j2", "-C", ROOT / "ext_postgres", "install", f"PG_CONFIG={PG_CONFIG}",
             *(["CXX=ccache g++"] if TREE and shutil.which("ccache") else []),
             f"BUILD_DIR={PGXS_DIR}", f"DESTDIR={destdir}"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, umask=0o022)
    if made.returncode != 0:
        raise RuntimeError(f"the extension could not be installed:\n{made.stdout.decode()}")


def installed_below(destdir):
    """The settings by which a server finds what was installed there."""
    if version() < 18:
        return {"extension_destdir": str(destdir)}
    return {"extension_control_path": f"{destdir}{pg_path('--sharedir')}:$system",
            "dynamic_library_path": f"{destdir}{pg_path('--pkglibdir')}:$libdir"}


def version():
    """The server's, as 17."""
    return int(re.search(r"\d+", pg_path("--version"))[0])


def pg_path(option):
    """What pg_config says."""
    return subprocess.run([PG_CONFIG, option], check=True, capture_output=True,
                          text=True).stdout.strip()


def _client_environment(name):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
    return dict(kept, PGAPPNAME=name, PGCLIENTENCODING="UTF8")


def server_program(name):
    return os.path.join(pg_path("--bindir"), name)
