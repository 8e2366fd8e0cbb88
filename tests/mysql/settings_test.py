# SPDX-License-Identifier: BSD-3-Clause
"""Where the servers come from: the environment, gman_udf.toml, and gman_servers_set if allowed."""
import os
import unittest

from fixture import FunctionsCase, RecordingServer, database
from mariadb import SqlError


class ServersSetRefused(FunctionsCase):
    def test_says_who_may_allow_it(self):
        for call in ("gman_servers_set('127.0.0.1:1')", "gman_servers_set('127.0.0.1:1', 'f')"):
            self.fails(f"SELECT {call}", "1644", "gman_servers_set", "refused",
                       "GMAN_ALLOW_SERVERS_SET=1", "allow_servers_set")
        self.assertIn(self.gmand.address, self.sql("SELECT gman_ping()"))

    def test_the_environment_can_refuse_what_the_file_allows(self):
        with database(env={"GMAN_ALLOW_SERVERS_SET": "yes"},
                      config="allow_servers_set = true") as mariadb:
            with self.assertRaisesRegex(SqlError, "1644.*refused"):
                mariadb.sql("SELECT gman_servers_set('127.0.0.1:2')")


class ServersSetAllowed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.first = cls.enterClassContext(RecordingServer())
        cls.second = cls.enterClassContext(RecordingServer())
        cls.database = cls.enterClassContext(database(
            cls.first.address, env={"GMAN_ALLOW_SERVERS_SET": "1"}))

    def setUp(self):
        self.sql = self.database.sql
        self.sql("SELECT gman_servers_set(''), gman_servers_set('', 'f')")
        self.first.requests.clear()
        self.second.requests.clear()

    def sent(self):
        """The functions of the jobs that came to each server."""
        return tuple([request[1].decode() for request in server.requests]
                     for server in (self.first, self.second))

    def test_returns_its_argument_and_moves_the_jobs_of_all_sessions(self):
        self.sql("SELECT gman_do_background('f', 'w')")
        self.assertEqual(self.sql(f"SELECT gman_servers_set('{self.second.address}')"),
                         self.second.address)
        self.sql("SELECT gman_do_background('g', 'w')")
        self.assertEqual(self.sent(), (["f"], ["g"]))
        self.assertIn(self.second.address, self.sql("SELECT gman_ping()"))

    def test_with_a_function_moves_the_jobs_of_that_function_only(self):
        self.sql(f"SELECT gman_servers_set('{self.second.address}', 'f')")
        self.sql("SELECT gman_do_background('f', 'w'), gman_do_background('g', 'w')")
        self.assertEqual(self.sent(), (["g"], ["f"]))

    def test_an_empty_list_goes_back_to_the_configured_one(self):
        self.sql(f"SELECT gman_servers_set('{self.second.address}'),"
                 f" gman_servers_set('{self.second.address}', 'f')")
        self.sql("SELECT gman_servers_set(''), gman_servers_set('', 'f')")
        self.sql("SELECT gman_do_background('f', 'w'), gman_do_background('g', 'w')")
        self.assertEqual(self.sent(), (["f", "g"], []))

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
        self.assertEqual(self.sent(), (["f"], []))

    def test_there_is_an_end_to_lists_for_single_functions(self):
        self.sql("DELIMITER //\n"
                 "CREATE PROCEDURE test.set_all(list TEXT, last INT) BEGIN DECLARE n INT DEFAULT 0;"
                 " WHILE n < last DO SET n = n + 1, @list = gman_servers_set(list, n);"
                 " END WHILE; END //\nDELIMITER ;")
        self.sql("CALL test.set_all('127.0.0.1:1', 1024)")
        with self.assertRaisesRegex(SqlError, "1644.*1024 functions"):
            self.sql("SELECT gman_servers_set('127.0.0.1:1', 'f')")
        self.sql("SELECT gman_servers_set('127.0.0.1:2', '1')")
        self.sql("CALL test.set_all('', 1024)")
        self.sql("SELECT gman_servers_set('127.0.0.1:1', 'f')")


class File(unittest.TestCase):
    """One database server, whose file changes under it."""

    @classmethod
    def setUpClass(cls):
        cls.database = cls.enterClassContext(database())

    def setUp(self):
        self.server = self.enterContext(RecordingServer())

    def configure(self, text):
        """Puts a whole new file in place, as an editor does."""
        fresh = self.database.config_path.with_suffix(".new")
        fresh.write_text(text)
        os.replace(fresh, self.database.config_path)

    def send(self, workload):
        self.database.sql(f"SELECT gman_do_background('f', '{workload}')")

    def sent(self):
        return [request[3].decode() for request in self.server.requests]

    def test_names_the_servers_in_a_string_or_an_array(self):
        for text in ('servers = "{}"', 'servers = ["{}"]',
                     'servers = ["{}", "127.0.0.1:1"] # two\nconnect_timeout_ms = 500',
                     'servers = "127.0.0.1:1,{}"\nanswer_timeout_ms = 0'):
            with self.subTest(text=text):
                self.configure(text.format(self.server.address))
                self.send(len(text))
                self.assertEqual(self.sent().pop(), str(len(text)))

    def test_a_change_takes_effect_with_the_next_call(self):
        with RecordingServer() as other:
            self.configure(f"servers = '{other.address}'")
            self.send("to the other")
            self.configure(f"servers = '{self.server.address}'")
            self.send("to ours")
            self.assertEqual(self.sent(), ["to ours"])
            self.assertEqual(len(other.requests), 1)

    def test_can_allow_gman_servers_set(self):
        self.configure("allow_servers_set = true")
        self.assertEqual(self.database.sql("SELECT gman_servers_set('127.0.0.1:1', 'g')"),
                         "127.0.0.1:1")
        self.configure("allow_servers_set = false")
        with self.assertRaisesRegex(SqlError, "1644.*refused"):
            self.database.sql("SELECT gman_servers_set('127.0.0.1:1', 'g')")

    def test_a_wrong_one_is_an_error_with_its_name_and_line_until_it_is_mended(self):
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
            ("allowed_servers = 5", 1, "allowed_servers must be"),
            ("allowed_servers = 'a b'", 1, "allowed_servers"),
            ("on_error = 'ignore'", 1, "on_error must be"),
            ("on_error = 1", 1, "on_error must be"),
            ("send_on_replica = 1", 1, "true or false"),
            ("idle_connections_max = -1", 1, "idle_connections_max"),
            ("idle_connections_max = 10001", 1, "10000"),
        )
        good = f"servers = '{self.server.address}'\n"
        self.configure(good)
        self.send("good")
        for text, line, reason in wrong:
            with self.subTest(text=text):
                self.configure(text)
                place = rf"gman_udf\.toml:{line}: .*{reason}"
                for call in ("gman_do_background('f', 'bad')", "gman_ping()",
                             "gman_servers_set('x')"):
                    with self.assertRaisesRegex(SqlError, "1644.*" + place):
                        self.database.sql(f"SELECT {call}")
        self.configure(good + "deadline_ms = 3600000\n")
        self.send("mended")
        self.assertEqual(self.sent(), ["good", "mended"])

    def test_the_pool_may_be_of_no_size_and_of_the_largest(self):
        for size in (0, 10000):
            self.configure(f"servers = '{self.server.address}'\nidle_connections_max = {size}\n")
            self.send(size)
            self.send(size)
        self.assertEqual(self.sent(), ["0", "0", "10000", "10000"])
        self.assertEqual(self.server.connections, 3)

    def test_an_allow_list_bounds_what_any_list_may_name(self):
        with RecordingServer() as other:
            allowed = f"allow_servers_set = true\nallowed_servers = '{self.server.address}'\n"
            self.configure(f"servers = '{self.server.address}'\n" + allowed)
            self.send("allowed")
            set_other = f"SELECT gman_servers_set('{self.server.address},{other.address}', 'g')"
            with self.assertRaisesRegex(SqlError, f"1644.*{other.address}.*not.*allowed"):
                self.database.sql(set_other)
            self.database.sql(f"SELECT gman_servers_set('{self.server.address}', 'g')")
            self.configure(f"servers = '{other.address}'\n" + allowed)
            with self.assertRaisesRegex(SqlError, f"1644.*{other.address}.*not.*allowed"):
                self.send("not allowed")
            # A list that was set before is measured by what is allowed now.
            self.configure(f"allowed_servers = '{other.address}'\n")
            with self.assertRaisesRegex(SqlError, f"1644.*{self.server.address}.*not.*allowed"):
                self.database.sql("SELECT gman_do_background('g', 'w')")
            self.configure("allow_servers_set = true\n")
            self.database.sql("SELECT gman_servers_set('', 'g')")
            self.assertEqual(other.requests, [])

    def test_says_which_servers_a_job_would_go_to(self):
        self.configure("allow_servers_set = true\nservers = ['127.0.0.1:1', 'unix:/x']\n")
        self.database.sql("SELECT gman_servers_set('127.0.0.1:2', 'own')")
        self.assertEqual(
            self.database.sql("SELECT gman_servers_get(), gman_servers_get(NULL),"
                              " gman_servers_get('own'), gman_servers_get('f')"),
            "127.0.0.1:1,unix:/x\t127.0.0.1:1,unix:/x\t127.0.0.1:2\t127.0.0.1:1,unix:/x")
        self.database.sql("SELECT gman_servers_set('', 'own')")
        self.configure("")
        self.assertEqual(self.database.sql("SELECT gman_servers_get()"), "NULL")
        with self.assertRaisesRegex(SqlError, "no argument or one"):
            self.database.sql("SELECT gman_servers_get('f', 'g')")
        with self.assertRaisesRegex(SqlError, "1644.*longer than 512"):
            self.database.sql("SELECT gman_servers_get(REPEAT('f', 513))")

    def test_one_that_cannot_be_read_is_an_error_that_says_so(self):
        self.database.config_path.unlink(missing_ok=True)
        self.database.config_path.mkdir()
        self.addCleanup(self.database.config_path.rmdir)
        with self.assertRaisesRegex(SqlError, r"1644.*gman_udf\.toml"):
            self.send("w")

    def test_none_at_all_leaves_no_server(self):
        self.database.config_path.unlink(missing_ok=True)
        with self.assertRaisesRegex(SqlError, "1644.*configured"):
            self.send("w")


class Environment(unittest.TestCase):
    def test_its_servers_win_over_the_file(self):
        with RecordingServer() as server:
            with database(server.address, config='servers = "127.0.0.1:1"') as mariadb:
                mariadb.sql("SELECT gman_do_background('f', 'w')")
                self.assertEqual(len(server.requests), 1)

    def test_what_is_wrong_in_it_is_an_error_that_says_where(self):
        for name, value in (("GMAN_SERVERS", "a b"), ("GMAN_ALLOWED_SERVERS", "a b"),
                            ("GMAN_ON_ERROR", "ignore")):
            with self.subTest(name=name), database(env={name: value}) as mariadb:
                with self.assertRaisesRegex(SqlError, f"1644.*{name}.*environment"):
                    mariadb.sql("SELECT gman_do_background('f', 'w')")

    def test_can_bound_what_the_file_names(self):
        with RecordingServer() as server:
            with database(config=f"servers = '{server.address}'",
                          env={"GMAN_ALLOWED_SERVERS": "127.0.0.1:1"}) as mariadb:
                with self.assertRaisesRegex(SqlError, "1644.*not among those that are allowed"):
                    mariadb.sql("SELECT gman_do_background('f', 'w')")
            self.assertEqual(server.requests, [])


if __name__ == "__main__":
    unittest.main()
