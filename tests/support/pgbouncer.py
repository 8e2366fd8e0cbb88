# SPDX-License-Identifier: BSD-3-Clause
"""A private pgbouncer before a private PostgreSQL, on a Unix socket of its own.

    with PgBouncer(postgres, pool_mode="transaction", pool_size=1) as bouncer:
        bouncer.session().run("SELECT 1")
"""
import shutil

from postgres import Session
from private_server import PrivateServer


class PgBouncer(PrivateServer):
    name = "pgbouncer"
    prefix = "gman-pb-"
    ready = "process up"
    port_is_taken = "in use"
    accounts = ("postgres", "nobody")

    def __init__(self, postgres, pool_mode, pool_size):
        super().__init__()
        self._postgres = postgres
        self._pool_mode = pool_mode
        self._pool_size = pool_size

    def _prepare(self):
        users = self.directory / "users"
        users.write_text('"postgres" ""\n')
        self._give(users)

    def _command(self):
        config = self.directory / "pgbouncer.ini"
        config.write_text(f"""
[databases]
postgres = host={self._postgres.socket_dir} port={self._postgres.port} user=postgres
[pgbouncer]
listen_port = {self.port}
unix_socket_dir = {self.directory}
auth_type = any
auth_file = {self.directory / "users"}
pool_mode = {self._pool_mode}
default_pool_size = {self._pool_size}
""")
        self._give(config)
        program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/sbin:/bin")
        if program is None:
            raise RuntimeError("pgbouncer is not installed: tools/dev deps")
        return [program, config]

    def session(self):
        """A client that stays connected to the pool, see postgres.Session."""
        return Session(self._postgres.psql(host=self.directory, port=self.port))
