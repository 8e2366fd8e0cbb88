# SPDX-License-Identifier: BSD-3-Clause
"""Job servers that are down, lie, hang or go away: each is one error, in time, and the next call
in the same session works."""
import os
import socket
import time
import unittest

import wire
from fixture import ExtensionCase
from gmand import Gmand
from lying_server import (CREATED, GREETING, PATIENCE_SECONDS, DiesAfter, LyingServer, answers,
                          answers_and_closes, header, response)
from postgres import PrivatePostgres


class Faults(ExtensionCase):
    def setUp(self):
        self.session = self.enterContext(self.postgres.session())

    def use(self, servers):
        self.assertEqual(self.session.run(f"SELECT gman_servers_set('{servers}')"), "t")

    def assert_next_call_works(self):
        self.use(self.gmand.address)
        self.assertEqual(self.session.run("SELECT gman_do('reverse', 'next')"), "txen")

    def fails(self, statement, sqlstate):
        """The error of a statement that must fail, in time and with that SQLSTATE."""
        start = time.monotonic()
        answer = self.session.run(statement)
        self.assertLess(time.monotonic() - start, PATIENCE_SECONDS)
        self.assertIn(f"ERROR:  {sqlstate}: ", answer)
        return answer

    def assert_lie_is_told(self, script, sqlstate, statement="SELECT gman_do('f', 'x')"):
        """The error names the server, or the job that it had taken."""
        with LyingServer(script) as liar:
            self.use(liar.address)
            answer = self.fails(statement, sqlstate)
            self.assertRegex(answer, f"{liar.address}|job H:liar:1 of function")
            self.assertGreater(liar.accepted, 0)
            self.assert_next_call_works()
            return answer

    def test_a_server_that_is_down_is_named(self):
        with socket.create_server(("127.0.0.1", 0)) as unused:
            address = "127.0.0.1:%d" % unused.getsockname()[1]
        self.use(address)
        for statement in ("gman_do('f', 'x')", "gman_do_background('f', 'x')", "gman_ping()"):
            answer = self.fails(f"SELECT {statement}", "08001")
            self.assertIn(address, answer)
        self.assert_next_call_works()

    def test_a_socket_that_is_not_there_is_named(self):
        self.use("unix:/tmp/gman-no-such-socket")
        self.assertIn("/tmp/gman-no-such-socket", self.fails("SELECT gman_ping()", "08001"))
        self.assert_next_call_works()

    def test_a_name_that_does_not_resolve_is_named(self):
        self.session.run("SET gman.connect_timeout = '1s'")
        self.use("no-such-host.invalid:4730")
        self.assertIn("no-such-host.invalid", self.fails("SELECT gman_ping()", "08001"))
        self.assert_next_call_works()

    def test_the_next_server_of_the_list_takes_over(self):
        with socket.create_server(("127.0.0.1", 0)) as unused:
            address = "127.0.0.1:%d" % unused.getsockname()[1]
        self.use(f"{address},{self.gmand.address}")
        self.assertEqual(self.session.run("SELECT gman_do('reverse', 'Hello')"), "olleH")
        self.assertIn(self.gmand.address, self.session.run("SELECT gman_ping()"))

    def test_it_speaks_over_a_unix_socket(self):
        os.chmod(self.gmand.directory, 0o711)  # PostgreSQL may run under another account
        os.chmod(self.gmand.unix_socket, 0o666)
        self.use(f"unix:{self.gmand.unix_socket}")
        self.assertEqual(self.session.run("SELECT gman_do('reverse', 'Hello')"), "olleH")
        self.assertIn(self.gmand.unix_socket, self.session.run("SELECT gman_ping()"))

    def test_something_that_speaks_another_protocol_is_found_out(self):
        self.assert_lie_is_told(answers(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "08P01")

    def test_a_length_beyond_the_limit_is_refused_before_it_is_read(self):
        self.assert_lie_is_told(answers(GREETING + header(wire.JOB_CREATED, 0xFFFFFFFF)), "08P01")

    def test_a_result_that_announces_too_much_is_refused_before_it_is_read(self):
        self.assert_lie_is_told(answers(CREATED + header(wire.WORK_COMPLETE, 0x7FFFFFFF)),
                                "08P01")

    def test_a_packet_type_that_does_not_exist_is_found_out(self):
        self.assert_lie_is_told(answers(GREETING + header(999, 0)), "08P01")

    def test_half_a_reply_and_then_silence_ends_at_the_deadline(self):
        self.session.run("SET gman.deadline = '300ms'")
        half = response(wire.WORK_COMPLETE, "H:liar:1", "the whole answer")[:-4]
        self.assert_lie_is_told(answers(CREATED + half), "57014")

    def test_silence_after_the_job_was_taken_ends_at_the_deadline(self):
        self.session.run("SET gman.deadline = '300ms'")
        self.assert_lie_is_told(answers(CREATED), "57014")

    def test_half_a_handle_and_then_silence_ends_in_time_without_a_deadline(self):
        self.assert_lie_is_told(answers(CREATED[:-2]), "08006",
                                "SELECT gman_do_background('f', 'x')")

    def test_a_server_that_never_says_a_word_is_given_up_after_the_connect_timeout(self):
        self.session.run("SET gman.connect_timeout = '300ms'")
        self.assert_lie_is_told(answers(b""), "08006")

    def test_a_server_that_hangs_up_after_it_took_the_job_is_a_lost_connection(self):
        answer = self.assert_lie_is_told(answers_and_closes(CREATED), "08006")
        self.assertIn("H:liar:1", answer)

    def test_a_server_that_refuses_the_job_is_quoted(self):
        refusal = response(wire.ERROR, "JOB_QUEUE_FULL", "Job queue is full")
        answer = self.assert_lie_is_told(answers(GREETING + refusal), "58000")
        self.assertIn("Job queue is full", answer)

    def test_a_reply_that_is_no_text_is_an_error_that_names_the_byte(self):
        answer = self.fails("SELECT gman_do('bytes', '6162ff')", "22021")
        self.assertIn('"UTF8"', answer)
        self.assertIn("Byte 3 of 3 is 0xff.", answer)
        self.assert_next_call_works()

    def test_a_workload_over_the_limit_is_refused_before_anything_is_sent(self):
        with LyingServer(answers(CREATED)) as untouched:
            self.use(untouched.address)
            answer = self.fails("SELECT gman_do('f', repeat('x', 64 * 1024 * 1024 + 1))", "54000")
            self.assertIn("67108864", answer)
            self.assertEqual(untouched.accepted, 0)
        self.assert_next_call_works()

    def test_a_server_that_was_restarted_is_connected_to_again(self):
        with Gmand() as first:
            port = first.port
            self.use(first.address)
            self.session.run("SELECT gman_do_background('f', 'x')")
            first.kill()
            answer = self.session.run("SELECT gman_do_background('f', 'x')")
            self.assertRegex(answer, "ERROR:  0800[16]: ")
        with Gmand(listen=(f"127.0.0.1:{port}",)) as second:
            self.assertEqual(second.port, port)
            self.assertRegex(self.session.run("SELECT gman_do_background('f', 'x')"), "^H:")

    def test_an_error_in_a_trigger_fails_the_statement_and_keeps_no_row(self):
        self.session.run("CREATE TABLE page (url text)")
        self.addCleanup(self.session.run, "DROP TABLE page")
        self.session.run("CREATE TRIGGER page_index AFTER INSERT ON page FOR EACH ROW "
                         "EXECUTE FUNCTION gman_trigger('never', 'url')")
        self.use("unix:/tmp/gman-no-such-socket")
        self.fails("INSERT INTO page VALUES ('x')", "08001")
        self.assertEqual(self.session.run("SELECT count(*) FROM page"), "0")
        self.use(self.gmand.address)
        self.assertEqual(self.session.run("INSERT INTO page VALUES ('x')"), "")
        self.assertEqual(self.session.run("SELECT count(*) FROM page"), "1")

    def test_many_calls_keep_one_connection_and_leave_no_descriptor_behind(self):
        def connections():
            directory = f"/proc/{self.session.pid}/fd"
            links = [os.readlink(os.path.join(directory, fd)) for fd in os.listdir(directory)]
            return [link for link in links if link.startswith(("socket:", "anon_inode:"))]

        self.session.run("SELECT gman_do('reverse', 'x')")
        before = connections()
        self.session.run("SELECT count(gman_do_background('never', i::text)) "
                         "FROM generate_series(1, 2000) AS i")
        self.assertEqual(connections(), before)

    def test_names_that_are_no_text_here_hide_no_others(self):
        with wire.Peer(self.gmand.address) as worker:
            worker.send(wire.SET_CLIENT_ID, b"Andr\xe9")
            worker.send(wire.CAN_DO, b"index_caf\xe9")
            worker.echo()
            self.assertEqual(self.session.run(
                "SELECT workers FROM gman_functions() WHERE function_name = 'index_caf?'"), "1")
            self.assertEqual(self.session.run(
                "SELECT client_id, functions FROM gman_workers() WHERE client_id ~ '^Andr'"),
                "Andr?|{index_caf?}")
            self.assertEqual(self.session.run(
                "SELECT count(*) FROM gman_functions() WHERE function_name = 'reverse'"), "1")

    def test_a_server_that_goes_away_hides_no_result_that_came_before(self):
        """Two workloads that one call of the library does not take together."""
        done = CREATED.removeprefix(GREETING) + response(wire.WORK_COMPLETE, "H:liar:1", "first")
        with DiesAfter(40 << 20, done) as dying:
            self.use(dying.address)
            answer = self.session.run(
                "SELECT number, result, error IS NOT NULL AS failed FROM gman_do_many('f', "
                "ARRAY[repeat('x', 40 << 20), repeat('y', 40 << 20)]) ORDER BY number")
        self.assertEqual(answer, "1|first|f\n2||t")
        self.assert_next_call_works()

    def test_a_latin1_database_sends_and_returns_its_own_bytes(self):
        with PrivatePostgres(servers=self.gmand.address, encoding="LATIN1") as postgres:
            postgres.sql("CREATE EXTENSION gman")
            self.assertEqual(postgres.sql("SELECT gman_do('size', 'é'), gman_do('bytes', 'e9')"),
                             "1|é")

    def test_a_database_without_an_encoding_takes_any_bytes_but_nul(self):
        with PrivatePostgres(servers=self.gmand.address, encoding="SQL_ASCII") as postgres:
            postgres.sql("CREATE EXTENSION gman")
            self.assertEqual(postgres.sql("SELECT encode(gman_do('bytes', 'ff')::bytea, 'hex')"),
                             "ff")
            with postgres.session() as session:
                self.assertIn("ERROR:  22021: ", session.run("SELECT gman_do('bytes', '00')"))


if __name__ == "__main__":
    unittest.main()
