# SPDX-License-Identifier: BSD-3-Clause
"""Where the servers come from: the environment, gman_udf.toml, and gman_servers_set if allowed."""
import os
import unittest

from fixture import FunctionsCase, RecordingServer, database
from mariadb import SqlError


def write(path, text):
    """Puts a whole new file in place, as an editor does."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    os.replace(fresh, path)


class ServersSetRefused(FunctionsCase):
    def test_says_who_may_allow_it(self):
        for call in ("gman_servers_set('127.0.0.1:1')", "gman_servers_set('127.0.0.1:1', 'f')"):
            self.fails(f"SELECT {call}", "1644", "gman_servers_set", "refused",
                       "GMAN_ALLOW_SERVERS_SET=1", "allow_servers_set")
        self.assertIn(self.gmand.address, self.sql("SELECT gman_ping()"))

    def test_nothing_but_1_in_the_environment_allows_it(self):
        for value in ("0", "yes", ""):
            with database("127.0.0.1:1", env={"GMAN_ALLOW_SERVERS_SET": value}) as mariadb:
                with self.assertRaisesRegex(SqlError, "1644.*refused"):
                    mariadb.sql("SELECT gman_servers_set('127.0.0.1:2')")


class ServersSetAllowed(unittest.TestCase):
    def setUp(self):
        self.first = self.enterContext(RecordingServer())
        self.second = self.enterContext(RecordingServer())
        self.database = self.enterContext(database(
            self.first.address, env={"GMAN_ALLOW_SERVERS_SET": "1"}))
        self.sql = self.database.sql

    def test_returns_its_argument_and_moves_the_jobs_of_all_sessions(self):
        self.sql("SELECT gman_do_background('f', 'w')")
        self.assertEqual(self.sql(f"SELECT gman_servers_set('{self.second.address}')"),
                         self.second.address)
        self.sql("SELECT gman_do_background('f', 'w')")
        self.assertEqual((len(self.first.requests), len(self.second.requests)), (1, 1))
        self.assertIn(self.second.address, self.sql("SELECT gman_ping()"))

    def test_with_a_function_moves_the_jobs_of_that_function_only(self):
        self.sql(f"SELECT gman_servers_set('{self.second.address}', 'f')")
        self.sql("SELECT gman_do_background('f', 'w'); SELECT gman_do_background('g', 'w')")
        self.assertEqual([request[1] for request in self.first.requests], [b"g"])
        self.assertEqual([request[1] for request in self.second.requests], [b"f"])

    def test_an_empty_list_goes_back_to_the_configured_one(self):
        self.sql(f"SELECT gman_servers_set('{self.second.address}');"
                 f"SELECT gman_servers_set('{self.second.address}', 'f');"
                 "SELECT gman_servers_set(''), gman_servers_set('', 'f')")
        self.sql("SELECT gman_do_background('f', 'w'); SELECT gman_do_background('g', 'w')")
        self.assertEqual((len(self.first.requests), len(self.second.requests)), (2, 0))

    def test_a_wrong_list_is_refused_and_changes_nothing(self):
        for arguments, reason in (("'127.0.0.1:99999'", "99999"), ("'a b'", "a b"),
                                  ("NULL", "NULL"), ("UNHEX('6100')", "NUL"),
                                  ("'127.0.0.1:1', NULL", "function"),
                                  ("'127.0.0.1:1', ''", "function"),
                                  ("'127.0.0.1:1', REPEAT('f', 513)", "512")):
            with self.subTest(arguments=arguments):
                with self.assertRaisesRegex(SqlError, f"1644.*{reason}"):
                    self.sql(f"SELECT gman_servers_set({arguments})")
        with self.assertRaisesRegex(SqlError, "one or two arguments"):
            self.sql("SELECT gman_servers_set()")
        self.sql("SELECT gman_do_background('f', 'w')")
        self.assertEqual(len(self.first.requests), 1)


class File(unittest.TestCase):
    def test_the_file_beside_the_plugin_names_the_servers(self):
        for text in ('servers = "{}"', 'servers = ["{}"]',
                     'servers = ["{}", "127.0.0.1:1"] # two\nconnect_timeout_ms = 500'):
            with RecordingServer() as server:
                with database(config=text.format(server.address)) as mariadb:
                    mariadb.sql("SELECT gman_do_background('f', 'w')")
                    self.assertEqual(len(server.requests), 1)

    def test_the_environment_wins_over_the_file(self):
        with RecordingServer() as server:
            with database(server.address, config='servers = "127.0.0.1:1"') as mariadb:
                mariadb.sql("SELECT gman_do_background('f', 'w')")
                self.assertEqual(len(server.requests), 1)

    def test_the_file_can_allow_gman_servers_set(self):
        with database(config="allow_servers_set = true") as mariadb:
            self.assertEqual(mariadb.sql("SELECT gman_servers_set('127.0.0.1:1')"), "127.0.0.1:1")

    def test_a_wrong_file_is_an_error_with_its_name_and_line_until_it_is_mended(self):
        wrong = (
            ("servers = ", 1, ""),
            ("\nserver = 'x'\n", 2, "unknown key 'server'"),
            ("servers = 'a b'", 1, "servers"),
            ("servers = 5", 1, "servers must be"),
            ("servers = ['x',\n 5]", 2, "servers must be"),
            ("\n\nallow_servers_set = 'yes'", 3, "true or false"),
            ("connect_timeout_ms = 0", 1, "connect_timeout_ms"),
            ("deadline_ms = -1", 1, "deadline_ms"),
            ("deadline_ms = 3600001", 1, "3600000"),
            ("answer_timeout_ms = 1.5", 1, "answer_timeout_ms"),
            ("servers = 'x'\nservers = 'y'", 2, ""),
        )
        with RecordingServer() as server, database(server.address) as mariadb:
            mariadb.sql("SELECT gman_do_background('f', 'good')")
            for text, line, reason in wrong:
                with self.subTest(text=text):
                    write(mariadb.config_path, text)
                    place = rf"gman_udf\.toml:{line}: .*{reason}"
                    for call in ("gman_do_background('f', 'bad')", "gman_ping()"):
                        with self.assertRaisesRegex(SqlError, "1644.*" + place):
                            mariadb.sql(f"SELECT {call}")
            write(mariadb.config_path, "deadline_ms = 3600000\n")
            mariadb.sql("SELECT gman_do_background('f', 'mended')")
            mariadb.config_path.unlink()
            mariadb.sql("SELECT gman_do_background('f', 'gone')")
            self.assertEqual([request[3] for request in server.requests],
                             [b"good", b"mended", b"gone"])

    def test_wrong_servers_in_the_environment_are_an_error_that_says_where(self):
        with database("a b") as mariadb:
            with self.assertRaisesRegex(SqlError, "1644.*GMAN_SERVERS.*environment"):
                mariadb.sql("SELECT gman_do_background('f', 'w')")

    def test_changed_servers_take_effect_with_the_next_statement(self):
        with RecordingServer() as first, RecordingServer() as second:
            with database(config=f"servers = '{first.address}'") as mariadb:
                mariadb.sql("SELECT gman_do_background('f', 'w')")
                write(mariadb.config_path, f"servers = '{second.address}'")
                mariadb.sql("SELECT gman_do_background('f', 'w')")
                self.assertEqual((len(first.requests), len(second.requests)), (1, 1))


if __name__ == "__main__":
    unittest.main()
