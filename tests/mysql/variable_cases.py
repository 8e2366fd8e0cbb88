# SPDX-License-Identifier: BSD-3-Clause
"""What the variables of MariaDB's plugin and of MySQL's component promise alike: they have the same
names but for what is before them."""
import re

from mariadb import SqlError

LIST_BYTES_MAX = 1 << 14


class VariableCases:
    """For a TestCase with `server`, `jobs` (a RecordingServer) and `dead` (an address)."""

    prefix = None          # of each name
    allowed = ""           # allowed_servers: our two, or anybody
    create_account = None  # the statements that make app@localhost, who may call the functions
    switches_on = ()       # statements that let gman_servers_set change the list

    def setUp(self):
        self.sql = self.server.sql
        self.servers, self.on_error, self.deadline_ms, self.switch = (
            self.prefix + name for name in ("servers", "on_error", "deadline_ms",
                                            "allow_servers_set"))
        self.sql(f"SET GLOBAL {self.servers} = '{self.jobs.address}'")
        self.jobs.requests.clear()

    def refused(self, statement, words, **session):
        with self.assertRaisesRegex(SqlError, words):
            self.server.sql(statement, **session)

    def test_are_all_there_with_their_defaults(self):
        lines = self.sql(f"SHOW GLOBAL VARIABLES LIKE '{self.prefix}%'").splitlines()
        defaults = {"servers": self.jobs.address, "allowed_servers": self.allowed,
                    "allow_servers_set": "OFF", "send_on_replica": "OFF",
                    "connect_timeout_ms": "2000", "answer_timeout_ms": "10000",
                    "idle_connections_max": "256", "on_error": "error", "deadline_ms": "0"}
        self.assertEqual({name: value for name, _, value in
                          (line.partition("\t") for line in lines)},
                         {self.prefix + name: value for name, value in defaults.items()})

    def test_the_servers_can_be_changed_while_the_server_runs(self):
        self.sql("SELECT gman_do_background('f', 'before')")
        self.sql(f"SET GLOBAL {self.servers} = '{self.dead}'")
        self.refused("SELECT gman_do_background('f', 'meanwhile')", f"1644.*{self.dead}")
        self.sql(f"SET GLOBAL {self.servers} = CONCAT('{self.dead}', ',', '{self.jobs.address}')")
        self.sql("SELECT gman_do_background('f', 'after')")
        self.assertEqual([request[3] for request in self.jobs.requests], [b"before", b"after"])
        self.sql(f"SET GLOBAL {self.servers} = ''")
        self.refused("SELECT gman_do_background('f', 'w')", "1644.*configured")
        self.sql(f"SET GLOBAL {self.servers} = DEFAULT")

    def test_a_wrong_list_is_refused_and_changes_nothing(self):
        name = re.escape(self.servers)
        wrong = {"'a b'": f"1644.*{name}: .*a b",
                 f"REPEAT('x', {LIST_BYTES_MAX + 1})": f"1644.*{LIST_BYTES_MAX}",
                 "5": f"{name}|type"}
        if self.allowed:
            wrong["'127.0.0.1:1'"] = "127.0.0.1:1.*not among those that are allowed"
        for value, words in wrong.items():
            with self.subTest(value=value):
                self.refused(f"SET GLOBAL {self.servers} = {value}", words)
        self.sql("SELECT gman_do_background('f', 'w')")
        self.refused(f"SET GLOBAL {self.prefix}allowed_servers = ''", "read only")

    def test_an_account_without_privilege_changes_only_its_session(self):
        self.sql(self.create_account)
        for statement in (f"SET GLOBAL {self.servers} = ''",
                          f"SET GLOBAL {self.on_error} = 'null'", *self.switches_on):
            self.refused(statement, "denied", user="app")
        self.refused(f"SET SESSION {self.servers} = ''", "GLOBAL", user="app")
        self.assertEqual(self.sql(
            f"SET {self.on_error} = 'null', {self.deadline_ms} = 100;"
            f"SELECT gman_do(NULL, 'w'), @@{self.on_error}, @@global.{self.on_error}", user="app"),
            "NULL\tnull\terror")

    def test_each_session_has_its_policy_and_its_deadline(self):
        self.refused(f"SET {self.on_error} = 'warning'; SET {self.on_error} = 'ignore'", "ignore")
        self.assertRegex(self.sql(f"SET {self.on_error} = 'warning'; SELECT gman_do(NULL, 'w');"
                                  "SHOW WARNINGS"), r"^NULL\n\w+\t1644\tgman_do: ")
        self.refused("SELECT gman_do(NULL, 'w')", "1644")
        self.sql(f"SET GLOBAL {self.on_error} = 'null'")
        self.assertEqual(self.sql("SELECT gman_do(NULL, 'w')"), "NULL")
        self.sql(f"SET GLOBAL {self.on_error} = DEFAULT")
        # Brought to the nearest, with a warning.
        for value, becomes in (("-1", "0"), ("3600000", "3600000"), ("3600001", "3600000")):
            self.assertEqual(self.sql(f"SET {self.deadline_ms} = {value};"
                                      f"SELECT @@{self.deadline_ms}"), becomes)

    def test_gman_servers_set_obeys_switch_and_allow_list(self):
        call = f"SELECT gman_servers_set('{self.dead}', 'g')"
        self.refused(call, f"refused.*{re.escape(self.switch)}")
        self.sql(f"SET GLOBAL {self.switch} = ON")
        self.assertEqual(self.sql(call), self.dead)
        if self.allowed:
            self.refused("SELECT gman_servers_set('127.0.0.1:1', 'g')", "not among those")
        self.assertEqual(self.sql("SELECT gman_servers_get('g')"), self.dead)
        self.sql(f"SELECT gman_servers_set('', 'g'); SET GLOBAL {self.switch} = OFF")
