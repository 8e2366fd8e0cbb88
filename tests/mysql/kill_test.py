# SPDX-License-Identifier: BSD-3-Clause
"""A call that waits obeys KILL and time limits within 200 ms, and leaves everything usable."""
import threading
import time
import unittest

from fixture import FunctionsCase, ScriptedServer, database

LIMIT_SECONDS = 0.2
TRIES_MAX = 10  # a busy machine may spoil some of them, and each takes two client programs


class SilentServer(ScriptedServer):
    """Takes every request and never answers; `asked` is set once there was one."""

    def __init__(self):
        super().__init__(self._listen)
        self.asked = threading.Event()

    def _listen(self, connection):
        while connection.recv(4096):
            self.asked.set()


class Kill(FunctionsCase):
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
            self.sql(f"KILL QUERY {session}")
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
            self.sql(f"KILL {session}")
            while self.sql("SELECT COUNT(*) FROM information_schema.PROCESSLIST"
                           f" WHERE ID = {session}") != "0":
                self.assertLess(time.monotonic() - began, 30)
            measured.append(time.monotonic() - began)
            _, err = self.end_of(client)
            self.assertRegex(err, "ERROR (2013|2026|1927|1317) ")
            if measured[-1] < LIMIT_SECONDS:
                break
        self.assert_quick("KILL", measured)

    def test_a_time_limit_ends_a_blocked_call(self):
        measured = []
        for _ in range(TRIES_MAX):
            began = time.monotonic()
            self.fails("SET STATEMENT max_statement_time = 0.3 FOR"
                       " SELECT gman_do('for_time_limit', 'w')", "ERROR 1969 (70100)")
            measured.append(time.monotonic() - began - 0.3)
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


if __name__ == "__main__":
    unittest.main()
