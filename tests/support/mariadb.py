# SPDX-License-Identifier: BSD-3-Clause
"""A private MariaDB that lives as long as a `with` block.

It has its own data directory, socket, port and plugin directory below one directory in /tmp, reads
no option file, and touches nothing that belongs to the system's server. The plugin directory holds
a copy of gman_udf.so from the build and, when `config` is given, a gman_udf.toml beside it.

The only account is root@localhost without a password; the socket's directory is open to nobody but
the account that runs the server (and to the system's root), and no account may come by TCP until a
test creates one.
"""
import os
import pathlib
import shutil
import subprocess

import fetched
import templates
from private_server import PrivateServer

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD_DIR = pathlib.Path(os.environ.get("GMAN_BUILD_DIR", ROOT / "build" / "release"))
PLUGIN = BUILD_DIR / "lib" / "gman_udf.so"
# None: the system's MariaDB. Another one, or a MySQL (mysql.py), is one of `tools/dev servers`.
TREE = fetched.tree("GMAN_MYSQL_SERVER")

_READ_ONLY_OPTIONS = ["--no-defaults", "--skip-name-resolve"]
_SMALL = [
    "--innodb-buffer-pool-size=24M", "--innodb-log-file-size=16M", "--innodb-log-buffer-size=2M",
    "--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0",
    "--aria-pagecache-buffer-size=1M", "--key-buffer-size=64K", "--performance-schema=OFF",
    "--max-connections=250",
]
# One statement a line, as the server wants it: after these nobody can log in but by the socket.
_LOCK_TCP = "DELETE FROM mysql.global_priv WHERE Host<>'localhost';\nFLUSH PRIVILEGES;\n"


class SqlError(Exception):
    """The client's standard error: "ERROR 1644 (HY000) at line 1: …"."""


class PrivateMariaDB(PrivateServer):
    name = "MariaDB"
    prefix = "gman-my-"
    ready = "ready for connections"
    port_is_taken = "Bind on TCP/IP port"
    accounts = ("mysql", "nobody")
    dialect = "mariadb"  # whose scripts below sql/ it runs
    time_limit_error = "ERROR 1969 (70100)"
    client = "mariadb"
    # A pool of threads, none of which makes way for another unless it says that it waits.
    two_threads = ("--thread-handling=pool-of-threads", "--thread-pool-size=2",
                   "--thread-pool-stall-limit=3600000")
    dump_command = ("mariadb-dump",)

    def __init__(self, env=None, options=(), config=None, parent="/tmp", namespace=None):
        super().__init__(parent, namespace)
        self._env = {k: v for k, v in os.environ.items() if not k.startswith("GMAN_")}
        self._env.update(env or {})
        self._options = list(options)
        self._config = config

    socket = property(lambda self: str(self.directory / "s.sock"))
    plugin_dir = property(lambda self: self.directory / "plugin")
    config_path = property(lambda self: self.plugin_dir / "gman_udf.toml")

    def sql(self, text, database=None, user="root"):
        """Runs statements, returns their rows (tab separated, no headings). Raises SqlError.

        Bytes that are no UTF-8 come back as surrogate escapes.
        """
        client = self.popen_sql(database=database, user=user)
        out, err = client.communicate(
            self.translated(text).encode("utf-8", "surrogateescape"))
        if client.returncode != 0:
            text = err.decode("utf-8", "replace").strip()
            raise SqlError(text[max(text.find("ERROR "), 0):])  # without the statement's echo
        return out.decode("utf-8", "surrogateescape").removesuffix("\n")

    def popen_sql(self, text=None, database=None, user="root", options=()):
        """A client that runs meanwhile: a Popen with pipes, its standard input closed after `text`
        when that is given. `options` are further ones of the client program."""
        command = [program(self.client), "--no-defaults", "-N", "-B", "--binary-mode",
                   "--unbuffered", "--default-character-set=utf8mb4", "--max-allowed-packet=256M",
                   f"--socket={self.socket}", f"--user={user}"]
        client = subprocess.Popen([*command, *options, *([database] if database else [])],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
        if text is not None:
            text = self.translated(text)
            client.stdin.write(text.encode("utf-8", "surrogateescape"))
            client.stdin.close()
            client.stdin = None  # so that communicate() does not touch it again
        return client

    def install_functions(self):
        """CREATE FUNCTION for all of gman_udf.so, by the script that users run."""
        return self.sql(self.script("install.sql"))

    @classmethod
    def script(cls, name):
        """One of those that users run on such a server."""
        return (ROOT / "sql" / cls.dialect / name).read_text(encoding="utf-8")

    def translated(self, text):
        """A test's statements, as this server wants them."""
        return text

    def replicate(self, primary):
        """Becomes a replica of the primary, whose binary log begins now and is named `log`."""
        primary.sql("RESET MASTER; CREATE USER replica@'127.0.0.1' IDENTIFIED BY 'word';"
                    "GRANT REPLICATION SLAVE ON *.* TO replica@'127.0.0.1'")
        self.sql(f"CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {primary.port},"
                 " MASTER_USER = 'replica', MASTER_PASSWORD = 'word',"
                 " MASTER_LOG_FILE = 'log.000001', MASTER_LOG_POS = 4; START SLAVE")

    def catch_up_with(self, primary):
        """Until it has applied all that there is."""
        file, position, *_ = primary.sql(self._log_status).split("\t")
        waited = self.sql(f"SELECT {self._wait_for_log}('{file}', {position}, 60)")
        if waited in ("NULL", "-1"):
            raise AssertionError("the replica stands still:\n" + self.sql(self._replica_status))

    _log_status = "SHOW MASTER STATUS"
    _wait_for_log = "MASTER_POS_WAIT"
    _replica_status = "SHOW SLAVE STATUS"

    def _prepare(self):
        self.plugin_dir.mkdir()
        if PLUGIN.exists():
            shutil.copyfile(PLUGIN, self.plugin_dir / PLUGIN.name)
        if self._config is not None:
            self.config_path.write_text(self._config)
        self._give(self.plugin_dir)
        self._prepare_data()

    def _prepare_data(self):
        (self.directory / "init.sql").write_text(_LOCK_TCP)
        templates.copy("MariaDB", self.directory / "data", self._install_db)

    def _install_db(self, data):
        data.mkdir()
        self._give(data)
        self._run_once(
            [program("mariadb-install-db"), *_READ_ONLY_OPTIONS, *self._base(),
             f"--datadir={data}",
             # A server that starts deletes what looks left over from its tmpdir, so that one
             # shared with another server costs that one its temporary tables.
             f"--tmpdir={self.directory}",
             "--auth-root-authentication-method=normal", "--skip-test-db", *_SMALL])

    @staticmethod
    def _base():
        return [f"--basedir={TREE / 'usr'}"] if TREE else []

    def _server_program(self):
        return [program("mariadbd"), *_READ_ONLY_OPTIONS, *self._base(),
                f"--datadir={self.directory / 'data'}", f"--tmpdir={self.directory}",
                f"--init-file={self.directory / 'init.sql'}", *_SMALL]

    def _command(self):
        return [*self._server_program(), f"--socket={self.socket}", f"--port={self.port}",
                "--bind-address=127.0.0.1", f"--pid-file={self.directory / 'pid'}",
                f"--plugin-dir={self.plugin_dir}", *self._options]

    def _environment(self):
        return self._env


def program(name):
    """One of the server's, for subprocess: its path, or its name where the system has none."""
    if TREE:
        return str(next(path for path in (TREE / "usr" / "bin" / name, TREE / "usr" / "sbin" / name)
                        if path.exists()))
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin") or name
