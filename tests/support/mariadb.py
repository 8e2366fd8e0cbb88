# SPDX-License-Identifier: BSD-3-Clause
"""A private MariaDB that lives as long as a `with` block.

It has its own data directory, socket, port and plugin directory below one directory in /tmp, reads
no option file, and touches nothing that belongs to the system's server. The plugin directory holds
a copy of gman_udf.so from the build and, when `config` is given, a gman_udf.toml beside it.

The only account is root@localhost without a password; the socket's directory is open to nobody but
the account that runs the server (and to the system's root), and no account may come by TCP until a
test creates one. Started by the system's root, it runs as an ordinary user, since it refuses root.
"""
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD_DIR = pathlib.Path(os.environ.get("GMAN_BUILD_DIR", ROOT / "build" / "release"))
PLUGIN = BUILD_DIR / "lib" / "gman_udf.so"
START_SECONDS = 60
STOP_SECONDS = 60

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


class PrivateMariaDB:
    def __init__(self, env=None, options=(), config=None):
        self._env = {k: v for k, v in os.environ.items() if not k.startswith("GMAN_")}
        self._env.update(env or {})
        self._options = list(options)
        self._config = config
        self._process = None
        self.directory = None
        self.port = None

    def __enter__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="gman-my-", dir="/tmp"))
        try:
            self._prepare()
            self._start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)

    socket = property(lambda self: str(self.directory / "s.sock"))
    plugin_dir = property(lambda self: self.directory / "plugin")
    config_path = property(lambda self: self.plugin_dir / "gman_udf.toml")
    pid = property(lambda self: self._process.pid)

    def log(self):
        """The server's error log so far."""
        return (self.directory / "log").read_text(errors="replace")

    def sql(self, text, database=None, user="root"):
        """Runs statements, returns their rows (tab separated, no headings). Raises SqlError.

        Bytes that are no UTF-8 come back as surrogate escapes.
        """
        client = self.popen_sql(database=database, user=user)
        out, err = client.communicate(text.encode("utf-8", "surrogateescape"))
        if client.returncode != 0:
            text = err.decode("utf-8", "replace").strip()
            raise SqlError(text[max(text.find("ERROR "), 0):])  # without the statement's echo
        return out.decode("utf-8", "surrogateescape").removesuffix("\n")

    def popen_sql(self, text=None, database=None, user="root", options=()):
        """A client that runs meanwhile: a Popen with pipes, its standard input closed after `text`
        when that is given. `options` are further ones of the client program."""
        command = ["mariadb", "--no-defaults", "-N", "-B", "--binary-mode", "--unbuffered",
                   "--default-character-set=utf8mb4", "--max-allowed-packet=256M",
                   f"--socket={self.socket}", f"--user={user}"]
        client = subprocess.Popen([*command, *options, *([database] if database else [])],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
        if text is not None:
            client.stdin.write(text.encode("utf-8", "surrogateescape"))
            client.stdin.close()
            client.stdin = None  # so that communicate() does not touch it again
        return client

    def install_functions(self):
        """CREATE FUNCTION for all of gman_udf.so, by the script that users run."""
        return self.sql((ROOT / "sql" / "mariadb" / "install.sql").read_text())

    def stop(self):
        """SIGTERM, and what the server's exit status was. Idempotent."""
        if self._process is None:
            return None
        self._process.terminate()
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        finally:
            self._process = None

    def restart(self):
        """Stops it and starts it again, at the same port."""
        self.stop()
        if not self._ready():
            raise RuntimeError(f"MariaDB did not start again:\n{self.log()}")

    def crash_and_restart(self):
        """SIGKILL, and a start that recovers."""
        self._process.kill()
        self._process.wait()
        if not self._ready():
            raise RuntimeError(f"MariaDB did not start again:\n{self.log()}")

    def kill(self):
        """SIGKILL, and the files with it: for a server that did not start."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        shutil.rmtree(self.directory, ignore_errors=True)

    def _prepare(self):
        self.plugin_dir.mkdir()
        if PLUGIN.exists():
            shutil.copyfile(PLUGIN, self.plugin_dir / PLUGIN.name)
        if self._config is not None:
            self.config_path.write_text(self._config)
        (self.directory / "init.sql").write_text(_LOCK_TCP)
        account = _server_account()
        if account is not None:
            for path in (self.directory, self.plugin_dir):
                os.chown(path, account.pw_uid, account.pw_gid)
        made = subprocess.run(
            ["mariadb-install-db", *_READ_ONLY_OPTIONS, f"--datadir={self.directory / 'data'}",
             # A server that starts deletes what looks left over from its tmpdir, so that one
             # shared with another server costs that one its temporary tables.
             f"--tmpdir={self.directory}",
             "--auth-root-authentication-method=normal", "--skip-test-db", *_SMALL],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self.directory, env=self._env,
            **_as_account(account))
        if made.returncode != 0:
            raise RuntimeError(f"mariadb-install-db failed:\n{made.stdout.decode()}")

    def _start(self):
        for _ in range(5):  # somebody else may take the free port between our look and its bind
            self.port = _free_port()
            if self._ready():
                return
            if "Bind on TCP/IP port" not in self.log():
                break
        raise RuntimeError(f"MariaDB did not start:\n{self.log()}")

    def _ready(self):
        with open(self.directory / "log", "wb") as log:
            self._process = subprocess.Popen(
                [_server_program(), *_READ_ONLY_OPTIONS, f"--datadir={self.directory / 'data'}",
                 f"--socket={self.socket}", f"--port={self.port}", "--bind-address=127.0.0.1",
                 f"--pid-file={self.directory / 'pid'}", f"--plugin-dir={self.plugin_dir}",
                 f"--tmpdir={self.directory}", f"--init-file={self.directory / 'init.sql'}",
                 *_SMALL, *self._options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory,
                env=self._env, **_as_account(_server_account()))
        for _ in range(START_SECONDS * 50):
            try:
                self._process.wait(0.02)
                self._process = None
                return False
            except subprocess.TimeoutExpired:
                if "ready for connections" in self.log():
                    return True
        return False


def _server_program():
    return shutil.which("mariadbd", path=os.environ.get("PATH", "") + ":/usr/sbin") or "mariadbd"


def _server_account():
    """The account the server runs as, or None: our own, which is no root."""
    if os.geteuid() != 0:
        return None
    for name in ("mysql", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("MariaDB refuses to run as root, and there is no account mysql or nobody")


def _as_account(account):
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
