# SPDX-License-Identifier: BSD-3-Clause
"""A job server that is down, lies or goes away: an SQL error that says so, and nothing lost."""
import pathlib
import struct
import time
import unittest

import wire
from fixture import (FunctionsCase, RecordingServer, ScriptedServer, database, dead_address,
                     read_job, respond)
from gmand import Gmand
from mariadb import SqlError


class DeadServer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.address = dead_address()
        cls.database = cls.enterClassContext(database(cls.address))
        cls.database.sql("CREATE TABLE t (id INT PRIMARY KEY) ENGINE = InnoDB;"
                         "CREATE TRIGGER t_sends AFTER INSERT ON t FOR EACH ROW"
                         " SET @job = gman_do_background('f', NEW.id)", database="test")

    def error_of(self, statement):
        with self.assertRaises(SqlError) as caught:
            self.database.sql(statement, database="test")
        return str(caught.exception)

    def test_the_error_names_function_server_and_time(self):
        for call in ("gman_do('f', 'w')", "gman_do_background('f', 'w')", "gman_sum('f', 'w')",
                     "gman_ping()"):
            with self.subTest(call=call):
                error = self.error_of(f"SELECT {call}")
                self.assertIn("ERROR 1644 (HY000)", error)
                self.assertIn(call[:call.index("(")], error)
                self.assertIn(self.address, error)
                self.assertRegex(error, r"\d+(\.\d+)? ?m?s\b")

    def test_an_insert_whose_trigger_cannot_send_is_rolled_back(self):
        self.assertIn("ERROR 1644", self.error_of("INSERT INTO t VALUES (1), (2)"))
        self.assertEqual(self.database.sql("SELECT COUNT(*) FROM t", database="test"), "0")

    def test_insert_ignore_does_not_hide_it(self):
        self.assertIn("ERROR 1644", self.error_of("INSERT IGNORE INTO t VALUES (1)"))
        self.assertEqual(self.database.sql("SELECT COUNT(*) FROM t", database="test"), "0")

    def test_do_hides_it_and_set_does_not(self):
        self.assertIn("ERROR 1644", self.error_of("SET @job = gman_do_background('f', 'w')"))
        # The server's choice, and the reason why the manual and our examples never say DO.
        warnings = self.database.sql("DO gman_do_background('f', 'w'); SHOW WARNINGS")
        self.assertIn(self.address, warnings)

    def test_the_work_of_a_transaction_before_it_stays(self):
        self.database.sql(
            "CREATE OR REPLACE TABLE quiet (id INT) ENGINE = InnoDB;\n"
            "DELIMITER //\nCREATE OR REPLACE PROCEDURE p() BEGIN"
            " DECLARE CONTINUE HANDLER FOR 1644 BEGIN END;"
            " START TRANSACTION; INSERT INTO quiet VALUES (1); INSERT INTO t VALUES (1);"
            " INSERT INTO quiet VALUES (2); COMMIT; END //\nDELIMITER ;\nCALL p()",
            database="test")
        self.assertEqual(self.database.sql("SELECT (SELECT COUNT(*) FROM quiet),"
                                           " (SELECT COUNT(*) FROM t)", database="test"), "2\t0")


class NoServer(unittest.TestCase):
    def test_says_that_none_is_configured(self):
        with database() as server:
            for call in ("gman_do('f', 'w')", "gman_ping()"):
                with self.assertRaisesRegex(SqlError, "1644.*server.*configured"):
                    server.sql(f"SELECT {call}")
            self.assertRegex(server.sql("SELECT gman_version()"), r"^\d")


class LyingServer(unittest.TestCase):
    """Each lie costs its own statement, soon, and the next one asks again."""

    @classmethod
    def setUpClass(cls):
        cls.lie = None
        cls.server = cls.enterClassContext(ScriptedServer(lambda connection: cls.lie(connection)))
        cls.database = cls.enterClassContext(database(
            cls.server.address, config="answer_timeout_ms = 1000\n"))

    def assert_error(self, lie, pattern, statement="SELECT gman_do('f', 'w')"):
        type(self).lie = staticmethod(lie)
        self.server.drop_connections()  # else the pool goes on with one that tells the truth
        began = time.monotonic()
        with self.assertRaisesRegex(SqlError, "ERROR 1644.*" + pattern):
            self.database.sql(statement)
        self.assertLess(time.monotonic() - began, 8)
        type(self).lie = staticmethod(self.tell_the_truth)
        self.assertEqual(self.database.sql("SELECT gman_do('f', 'truth')"), "truth")

    @staticmethod
    def tell_the_truth(connection):
        while True:
            _, args = read_job(connection)
            respond(connection, wire.JOB_CREATED, "H:true:1")
            respond(connection, wire.WORK_COMPLETE, "H:true:1", args[2])

    def answer(self, data, then=lambda connection: None):
        def lie(connection):
            read_job(connection)
            connection.sendall(data)
            then(connection)
        return lie

    def test_wrong_magic(self):
        self.assert_error(self.answer(b"HTTP/1.1 400 Bad Request\r\n\r\n"), self.server.address)

    def test_a_request_packet_as_answer(self):
        self.assert_error(self.answer(wire.encode(wire.JOB_CREATED, "H:1")), self.server.address)

    def test_a_length_above_the_limit_is_refused_before_it_is_read(self):
        header = wire.RES + struct.pack(">II", wire.WORK_COMPLETE, 0xFFFFFFFF)
        self.assert_error(self.answer(header, lambda connection: connection.recv(1)),
                          self.server.address)

    def test_half_a_reply(self):
        whole = wire.encode(wire.JOB_CREATED, "H:lie:1", magic=wire.RES)
        for size in (1, 11, len(whole) - 1):
            with self.subTest(size=size):
                self.assert_error(self.answer(whole[:size]), self.server.address)

    def test_half_a_reply_and_then_silence(self):
        header = wire.RES + struct.pack(">II", wire.JOB_CREATED, 20) + b"H:"
        self.assert_error(self.answer(header, lambda connection: connection.recv(1)),
                          self.server.address)

    def test_a_packet_that_answers_something_else(self):
        self.assert_error(self.answer(wire.encode(wire.ECHO_RES, "x", magic=wire.RES)),
                          self.server.address)

    def test_an_unknown_packet_type(self):
        self.assert_error(self.answer(wire.RES + struct.pack(">II", 999, 0)), self.server.address)

    def test_the_server_s_own_error_is_quoted(self):
        self.assert_error(self.answer(
            wire.encode(wire.ERROR, "QUEUE_FULL", "too many jobs", magic=wire.RES)),
            ".*QUEUE_FULL.*too many jobs")

    def test_text_that_a_worker_sends_cannot_garble_the_error(self):
        self.assert_error(self.answer(
            wire.encode(wire.ERROR, "%s%n%d", b"line\nbell\x07 \xff" + b"z" * 2000,
                        magic=wire.RES)), "%s%n%d")

    def test_silence_ends_at_the_answer_timeout(self):
        self.assert_error(self.answer(b"", lambda connection: connection.recv(1)),
                          self.server.address, "SELECT gman_do_background('f', 'w')")


class ServerThatRestarts(unittest.TestCase):
    def test_a_connection_that_went_stale_costs_no_statement(self):
        with RecordingServer() as server, database(server.address) as mariadb:
            mariadb.sql("SELECT gman_do_background('f', 'before')")
            server.drop_connections()
            mariadb.sql("SELECT gman_do_background('f', 'after')")
            self.assertEqual([request[3] for request in server.requests], [b"before", b"after"])

    def test_a_job_whose_server_dies_is_an_error(self):
        with Gmand() as gmand, database(gmand.address) as mariadb:
            client = mariadb.popen_sql("SELECT gman_do('f', 'w')")
            gmand.wait_admin("status", lambda answer: "f\t1\t0\t0\n" in answer)
            gmand.kill()
            _, err = client.communicate(timeout=30)
            self.assertIn("ERROR 1644", err.decode())
            self.assertIn(gmand.address, err.decode())


class SecondServer(unittest.TestCase):
    def test_the_next_server_of_the_list_is_tried(self):
        with Gmand() as gmand, database(f"{dead_address()},{gmand.address}") as mariadb:
            self.assertRegex(mariadb.sql("SELECT gman_do_background('f', 'w')"), "^H:")
            self.assertIn(gmand.address, mariadb.sql("SELECT gman_ping()"))

    def test_a_unix_socket_is_a_server(self):
        with Gmand() as gmand:
            gmand.directory.chmod(0o755)
            pathlib.Path(gmand.unix_socket).chmod(0o666)  # the database server is somebody else
            with database(f"unix:{gmand.unix_socket}") as mariadb:
                self.assertRegex(mariadb.sql("SELECT gman_do_background('f', 'w')"), "^H:")


class Deadline(FunctionsCase):
    def test_a_job_that_no_worker_takes_ends_at_the_configured_deadline(self):
        with database(self.gmand.address, config="deadline_ms = 200\n") as mariadb:
            began = time.monotonic()
            with self.assertRaisesRegex(SqlError, "1644.*" + self.gmand.address):
                mariadb.sql("SELECT gman_do('nobody', 'w')")
            self.assertGreaterEqual(time.monotonic() - began, 0.2)
            self.assertLess(time.monotonic() - began, 2)


if __name__ == "__main__":
    unittest.main()
