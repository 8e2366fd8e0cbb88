# SPDX-License-Identifier: BSD-3-Clause
"""A call that waits obeys KILL and time limits within 200 ms, and leaves everything usable."""
import struct
import tempfile
import threading
import time
import unittest

import wire
from fixture import FunctionsCase, ScriptedServer, database, read_job, respond
from stages import FullBacklog, SilentResolver

LIMIT_SECONDS = 0.2
TRIES_MAX = 10  # a busy machine may spoil some of them, and each takes two client programs


class Operator:
    """A session that is there already, since starting a client takes longer than what it measures.
    """

    def __init__(self, server):
        self._client = server.popen_sql(options=["--force"])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._client.communicate(timeout=30)

    def ask(self, statement):
        """Its rows, when it has ended."""
        self._client.stdin.write(f"{statement}; SELECT 'end of the answer';\n".encode())
        self._client.stdin.flush()
        rows = []
        while (row := self._client.stdout.readline()) != b"end of the answer\n":
            assert row, "the operator's client has ended"
            rows.append(row.decode().rstrip("\n"))
        return rows

    def wait_sessions(self, which, count, seconds=30):
        """Until so many sessions are such."""
        until = time.monotonic() + seconds
        while self.ask("SELECT COUNT(*) FROM information_schema.PROCESSLIST"
                       f" WHERE {which}") != [str(count)]:
            assert time.monotonic() < until, f"there are not {count} sessions with {which}"


class SilentServer(ScriptedServer):
    """Takes every request and never answers; `asked` is set once there was one."""

    def __init__(self):
        super().__init__(self._listen)
        self.asked = threading.Event()

    def _listen(self, connection):
        while connection.recv(4096):
            self.asked.set()


def seconds_past_limit(case, call, limit):
    """How long a call goes on after its time limit. Its statement begins when the one before it has
    been answered: a client's own start is not counted, which takes as long where others build."""
    client = case.database.popen_sql(
        f"SELECT 1; SET STATEMENT max_statement_time = {limit} FOR SELECT {call}")
    case.assertEqual(client.stdout.readline(), b"1\n")
    began = time.monotonic()
    _, err = client.communicate(timeout=30)
    took = time.monotonic() - began
    case.assertIn(case.database.time_limit_error, err.decode())
    return took - limit


class Kill(FunctionsCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.operator = cls.enterClassContext(Operator(cls.database))

    def start_blocked(self, statement, function, options=()):
        """A session whose statement waits for a job of `function`: (client, connection id)."""
        client = self.database.popen_sql(f"SELECT CONNECTION_ID(); {statement}", database="test",
                                         options=options)
        session = int(client.stdout.readline())
        self.gmand.wait_admin("status", lambda answer: f"{function}\t1\t0\t0\n" in answer)
        return client, session

    def end_of(self, client):
        out, err = client.communicate(timeout=30)
        return out.decode(), err.decode()

    def assert_quick(self, what, measured):
        print(f"{what}: {', '.join(f'{seconds * 1000:.0f}' for seconds in measured)} ms")
        self.assertLess(min(measured), LIMIT_SECONDS)

    def test_kill_query_ends_a_blocked_call(self):
        measured = []
        for number in range(TRIES_MAX):
            function = f"for_kill_query_{number}"
            client, session = self.start_blocked(f"SELECT gman_do('{function}', 'w')", function)
            began = time.monotonic()
            self.operator.ask(f"KILL QUERY {session}")
            _, err = self.end_of(client)
            measured.append(time.monotonic() - began)
            self.assertIn("ERROR 1317 (70100)", err)
            if measured[-1] < LIMIT_SECONDS:
                break
        self.assert_quick("KILL QUERY", measured)

    def test_kill_ends_a_blocked_call_and_its_session(self):
        measured = []
        for number in range(TRIES_MAX):
            function = f"for_kill_{number}"
            client, session = self.start_blocked(f"SELECT gman_do('{function}', 'w')", function)
            began = time.monotonic()
            self.operator.ask(f"KILL {session}")
            self.operator.wait_sessions(f"ID = {session}", 0)
            measured.append(time.monotonic() - began)
            _, err = self.end_of(client)
            self.assertRegex(err, "ERROR (2013|2026|1927|1317) ")
            if measured[-1] < LIMIT_SECONDS:
                break
        self.assert_quick("KILL", measured)

    def test_a_time_limit_ends_a_blocked_call(self):
        measured = []
        for _ in range(TRIES_MAX):
            measured.append(seconds_past_limit(self, "gman_do('for_time_limit', 'w')", 0.3))
            if measured[-1] < LIMIT_SECONDS:
                break
        self.assert_quick("max_statement_time, after the limit", measured)

    def test_a_killed_trigger_takes_its_statement_with_it(self):
        self.sql("CREATE OR REPLACE TABLE t (id INT) ENGINE = InnoDB;"
                 "CREATE TRIGGER t_sends AFTER INSERT ON t FOR EACH ROW"
                 " SET @result = gman_do('for_trigger', NEW.id)")
        client, session = self.start_blocked("INSERT INTO t VALUES (1)", "for_trigger")
        self.sql(f"KILL QUERY {session}")
        _, err = self.end_of(client)
        self.assertIn("ERROR 1317", err)
        self.assertEqual(self.sql("SELECT COUNT(*) FROM t"), "0")

    def test_a_killed_aggregate_ends(self):
        client, session = self.start_blocked(
            "SELECT gman_sum('for_sum', seq) FROM seq_1_to_1000", "for_sum")
        self.sql(f"KILL QUERY {session}")
        _, err = self.end_of(client)
        self.assertIn("ERROR 1317", err)

    def test_the_session_goes_on_after_kill_query(self):
        client, session = self.start_blocked(
            "SELECT gman_do('for_session', 'w'); SELECT CONNECTION_ID(), gman_ping() IS NULL",
            "for_session", options=["--force"])
        self.sql(f"KILL QUERY {session}")
        out, err = self.end_of(client)
        self.assertIn("ERROR 1317", err)
        self.assertEqual(out, f"{session}\t0\n")

    def test_other_sessions_do_not_wait_for_a_blocked_one(self):
        client, session = self.start_blocked("SELECT gman_do('for_others', 'w')", "for_others")
        self.assertRegex(self.sql("SELECT gman_do_background('for_more', 'w')"), "^H:")
        self.sql(f"KILL QUERY {session}")
        self.end_of(client)

    def test_kill_also_ends_the_wait_for_a_silent_server(self):
        with SilentServer() as server, database(server.address) as other:
            client = other.popen_sql("SELECT CONNECTION_ID(); SELECT gman_do('f', 'w')")
            session = int(client.stdout.readline())
            self.assertTrue(server.asked.wait(10))
            began = time.monotonic()
            other.sql(f"KILL QUERY {session}")
            _, err = self.end_of(client)
            self.assertIn("ERROR 1317", err)
            self.assertLess(time.monotonic() - began, 2)

    def test_the_server_can_stop_while_a_call_waits(self):
        with SilentServer() as server, database(server.address) as other:
            client = other.popen_sql("SELECT gman_do('f', 'w')")
            self.assertTrue(server.asked.wait(10))
            began = time.monotonic()
            self.assertEqual(other.stop(), 0)
            self.assertLess(time.monotonic() - began, 30)
            self.end_of(client)


class StageServer(ScriptedServer):
    """Says `answers` to a job and then nothing more; `reached` is set once it has."""

    def __init__(self, answers, reads=True):
        super().__init__(self._serve)
        self._answers = answers
        self._reads = reads
        self._ended = threading.Event()
        self.reached = threading.Event()

    def _serve(self, connection):
        if self._reads:
            read_job(connection)
            self._answers(connection)
        self.reached.set()
        self._ended.wait(60)

    def __exit__(self, *error):
        self._ended.set()
        super().__exit__(*error)


def created(connection):
    respond(connection, wire.JOB_CREATED, "H:stage:1")


def half_a_reply(connection):
    connection.sendall(wire.encode(wire.JOB_CREATED, "H:stage:1", magic=wire.RES)[:15])


def half_a_result(connection):
    created(connection)
    connection.sendall(wire.RES + struct.pack(">II", wire.WORK_COMPLETE, 1 << 20) + b"H:stage:1\0x")


class Ends:
    """Whoever ends a call that waits: `database` and `operator` are the class's."""

    CONFIG = "servers = '{}'\nconnect_timeout_ms = 600000\nanswer_timeout_ms = 600000\n"

    def assert_quick(self, what, serve, call, end):
        measured = []
        while len(measured) < TRIES_MAX and (not measured or measured[-1] >= LIMIT_SECONDS):
            with serve() as server:
                self.database.config_path.write_text(self.CONFIG.format(server.address))
                measured.append(end(call, server))
        print(f"{what}: {', '.join(f'{seconds * 1000:.0f}' for seconds in measured)} ms")
        self.assertLess(min(measured), LIMIT_SECONDS)

    def blocked(self, call, server):
        client = self.database.popen_sql(f"SELECT CONNECTION_ID(); SELECT {call}")
        session = int(client.stdout.readline())
        self.assertTrue(server.reached.wait(30))
        self.operator.wait_sessions(f"ID = {session} AND INFO LIKE 'SELECT gman%'", 1)
        return client, session

    def kill_query(self, call, server):
        client, session = self.blocked(call, server)
        began = time.monotonic()
        self.operator.ask(f"KILL QUERY {session}")
        _, err = client.communicate(timeout=30)
        self.assertIn(b"ERROR 1317 (70100)", err)
        return time.monotonic() - began

    def kill(self, call, server):
        client, session = self.blocked(call, server)
        began = time.monotonic()
        self.operator.ask(f"KILL {session}")
        self.operator.wait_sessions(f"ID = {session}", 0)
        took = time.monotonic() - began
        client.communicate(timeout=30)
        return took

    def time_limit(self, call, server):
        past_limit = seconds_past_limit(self, call, 0.4)
        self.assertTrue(server.reached.wait(10))
        return past_limit


class Stages(Ends, unittest.TestCase):
    """Wherever a call may wait."""

    STAGES = {
        "connecting": (FullBacklog, "gman_do('f', 'w')"),
        # More than sockets take, and little enough that to copy it takes no time.
        "sending": (lambda: StageServer(None, reads=False),
                    "gman_do('f', REPEAT('w', 16777216))"),
        "awaiting the handle": (lambda: StageServer(lambda _: None),
                                "gman_do_background('f', 'w')"),
        "half a reply": (lambda: StageServer(half_a_reply), "gman_do('f', 'w')"),
        "awaiting the result": (lambda: StageServer(created), "gman_do('f', 'w')"),
        "half a result": (lambda: StageServer(half_a_result), "gman_do('f', 'w')"),
        "a ping": (lambda: StageServer(lambda _: None), "gman_ping()"),
    }

    @classmethod
    def setUpClass(cls):
        cls.database = cls.enterClassContext(database(options=["--max-allowed-packet=256M"]))
        cls.operator = cls.enterClassContext(Operator(cls.database))

    def test_every_end_is_quick_at_every_stage(self):
        for stage, (serve, call) in self.STAGES.items():
            for end in (self.kill_query, self.kill, self.time_limit):
                with self.subTest(stage=stage, end=end.__name__):
                    self.assert_quick(f"{stage}, {end.__name__}", serve, call, end)


class Resolving(Ends, unittest.TestCase):
    """Nor does it wait for a name server that does not answer."""

    def test_every_end_is_quick(self):
        directory = self.enterContext(tempfile.TemporaryDirectory())
        resolver = self.enterContext(SilentResolver(directory))
        self.database = self.enterContext(
            database(config=self.CONFIG.format(resolver.address), namespace=resolver))
        self.operator = self.enterContext(Operator(self.database))
        for end in (self.kill_query, self.kill, self.time_limit):
            with self.subTest(end=end.__name__):
                self.assert_quick(f"resolving, {end.__name__}", resolver.again, "gman_ping()", end)


if __name__ == "__main__":
    unittest.main()
