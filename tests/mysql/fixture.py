# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of the MySQL functions share: a database server with the functions installed, and
job servers that record or lie."""
import contextlib
import json
import socket
import struct
import threading
import unittest

import wire
from gmand import Gmand
from mariadb import SqlError
from mysql import PrivateDatabase

MIB = 1 << 20


@contextlib.contextmanager
def database(servers=None, env=(), options=(), config=None, namespace=None):
    """A MariaDB or MySQL with all functions and an empty database `test`."""
    environment = dict(env)
    if servers is not None:
        environment["GMAN_SERVERS"] = servers
    with PrivateDatabase(env=environment, options=options, config=config,
                         namespace=namespace) as server:
        server.install_functions()
        server.sql("CREATE DATABASE test")
        yield server


def json_told(line):
    """What a line of the client program means, which doubles backslashes."""
    return json.loads(line.replace("\\\\", "\\"))


def fail(_):
    """A job that a worker gives up on."""
    raise RuntimeError("the job fails")


def dead_address():
    """A port of 127.0.0.1 where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


class FunctionsCase(unittest.TestCase):
    """One gmand and one database server for all tests of a class."""

    options = ()
    jobs = None  # what a worker does, by function

    @classmethod
    def setUpClass(cls):
        cls.gmand = cls.enterClassContext(Gmand())
        if cls.jobs is not None:
            cls.enterClassContext(wire.Worker(cls.gmand.address, cls.jobs))
        cls.database = cls.enterClassContext(database(cls.gmand.address, options=cls.options))

    def sql(self, text, database="test"):
        return self.database.sql(text, database=database)

    def fails(self, text, *words):
        """The statement's error, which holds all these words."""
        with self.assertRaises(SqlError) as caught:
            self.sql(text)
        message = str(caught.exception)
        for word in words:
            self.assertIn(word, message)
        return message


class ScriptedServer:
    """Listens on a free port of 127.0.0.1 and gives each connection to `serve(connection)`, in a
    thread. Leaving the block closes every connection; `connections` is how many there were, `ended`
    of how many the other side, or a lie, made an end."""

    def __init__(self, serve):
        self._serve = serve
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open = []
        self._threads = []
        self._failures = []
        self.connections = 0
        self.ended = 0
        self.changed = threading.Condition()
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self):
        self._threads.append(threading.Thread(target=self._accept))
        self._threads[0].start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self.drop_connections()
        for thread in self._threads[1:]:
            thread.join()
        for connection in [*self._open, self._listener]:
            connection.close()
        if self._failures:
            raise self._failures[0]

    def drop_connections(self):
        """Closes what is open now; new connections are welcome."""
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # the block has ended
                return
            self.connections += 1
            self._open.append(connection)
            self._threads.append(threading.Thread(target=self._run, args=(connection,)))
            self._threads[-1].start()

    def _run(self, connection):
        try:
            self._serve(connection)
        except (EOFError, ConnectionError):
            pass
        except BaseException as failure:  # shown at the end of the block
            self._failures.append(failure)
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        with self.changed:
            self.ended += 1
            self.changed.notify_all()


def read_request(connection):
    """The next packet of a client: (type, [arguments])."""
    magic, kind, length = struct.unpack(">4sII", _read(connection, 12))
    assert magic == wire.REQ, magic
    body = _read(connection, length)
    count = wire.ARGUMENTS[kind]
    return kind, body.split(b"\0", count - 1) if count else []


def read_job(connection):
    """The same, after agreeing to the options that a new connection asks for."""
    while True:
        kind, args = read_request(connection)
        if kind != wire.OPTION_REQ:
            return kind, args
        respond(connection, wire.OPTION_RES, *args)


def respond(connection, kind, *args):
    connection.sendall(wire.encode(kind, *args, magic=wire.RES))


def _read(connection, count):
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return data


class RecordingServer(ScriptedServer):
    """Answers every job at once: a foreground one with its own workload. `requests` holds
    (type, function, unique, workload) of each, in order."""

    def __init__(self):
        super().__init__(self._answer)
        self.requests = []

    def _answer(self, connection):
        while True:
            kind, args = read_job(connection)
            if kind == wire.ECHO_REQ:
                respond(connection, wire.ECHO_RES, *args)
                continue
            self.requests.append((kind, *args))
            handle = f"H:test:{len(self.requests)}"
            respond(connection, wire.JOB_CREATED, handle)
            if kind in (wire.SUBMIT_JOB, wire.SUBMIT_JOB_HIGH, wire.SUBMIT_JOB_LOW):
                respond(connection, wire.WORK_COMPLETE, handle, args[2])
