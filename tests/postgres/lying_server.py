# SPDX-License-Identifier: BSD-3-Clause
"""A job server that lies: it accepts connections and says what a test wants it to say."""
import contextlib
import socket
import struct
import threading

import wire

PATIENCE_SECONDS = 20


class LyingServer:
    """Accepts, reads one packet, and does as its script says. Connections stay open until the
    block ends, unless the script closes them."""

    def __init__(self, script):
        self._script = script
        self._connections = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        self.accepted = 0

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE_SECONDS)
        self._listener.close()
        for connection in self._connections:
            connection.close()

    def _run(self):
        with contextlib.suppress(OSError):  # the block has ended
            while True:
                connection, _ = self._listener.accept()
                self._connections.append(connection)
                self.accepted += 1
                with contextlib.suppress(ConnectionError):
                    connection.settimeout(PATIENCE_SECONDS)
                    connection.recv(65536)
                    self._script(connection)


class DiesAfter:
    """Greets one connection, reads so many bytes from it, says one thing, and is gone."""

    def __init__(self, asked_bytes, answer):
        self._asked_bytes = asked_bytes
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._thread.join(PATIENCE_SECONDS)
        self._listener.close()

    def _run(self):
        self._listener.settimeout(PATIENCE_SECONDS)
        connection, _ = self._listener.accept()
        with connection:
            connection.settimeout(PATIENCE_SECONDS)
            asked = len(connection.recv(65536))
            connection.sendall(GREETING)
            while asked < self._asked_bytes:
                asked += len(connection.recv(1 << 20))
            self._listener.close()
            connection.sendall(self._answer)


def response(kind, *args):
    return wire.encode(kind, *args, magic=wire.RES)


def header(kind, body_bytes):
    return wire.RES + struct.pack(">II", kind, body_bytes)


def answers(data):
    return lambda connection: connection.sendall(data)


def answers_and_closes(data):
    def script(connection):
        connection.sendall(data)
        connection.close()
    return script


# Every connection begins with an OPTION_REQ, whose answer comes first.
GREETING = response(wire.OPTION_RES, "exceptions")
CREATED = GREETING + response(wire.JOB_CREATED, "H:liar:1")
PONG = GREETING + response(wire.ECHO_RES, "gman ping")
