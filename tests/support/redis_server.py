# SPDX-License-Identifier: BSD-3-Clause
"""A private Redis that lives as long as a `with` block, on a free port of 127.0.0.1, which keeps
what it is told as well as it can: every write is synced before it is answered.

    with PrivateRedis(password="secret") as server:
        print(server.ask("GET", "gmand:schema"))
"""
import subprocess

from private_server import START_SECONDS, PrivateServer


class PrivateRedis(PrivateServer):
    name = "Redis"
    prefix = "gman-redis-"
    ready = "Ready to accept connections"
    port_is_taken = "Address already in use"

    def __init__(self, *options, password=None):
        super().__init__()
        self._options = list(options)
        self._password = password
        if password is not None:
            self._options += ["--requirepass", password]

    def ask(self, *words):
        """What redis-cli prints of the answer."""
        command = ["redis-cli", "-h", "127.0.0.1", "-p", str(self.port), "--no-auth-warning"]
        if self._password is not None:
            command += ["-a", self._password]
        done = subprocess.run([*command, *words], capture_output=True, text=True, check=True,
                              timeout=START_SECONDS)
        return done.stdout.removesuffix("\n")

    def _command(self):
        return ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", "",
                "--appendonly", "yes", "--appendfsync", "always", "--dir", self.directory,
                *self._options]
