# SPDX-License-Identifier: BSD-3-Clause
"""The relay inside of the server: what a background worker ships, what wakes and what ends it."""
import os
import pathlib
import signal
import time
import unittest
import urllib.parse

from gmand import Gmand
from lying_server import LyingServer, answers
from patience import wait_until
from postgres import ROOT, SqlError
from proxy import Proxy
from relay import Relay
from relay_database import Database, jobs_of
from wire import *  # pylint: disable=wildcard-import,unused-wildcard-import


DOWN = "unix:/nonexistent/gmand.sock"


class Shipping(unittest.TestCase):
    """One cluster for what changes nothing about it."""

    @classmethod
    def setUpClass(cls):
        cls.gmand = cls.enterClassContext(Gmand())
        cls.database = cls.enterClassContext(Database(cls.gmand.address))
        cls.database.ship("postgres")

    def test_committed_rows_become_jobs_and_rolled_back_ones_do_not(self):
        self.database.sql("""
            BEGIN; SELECT gman.enqueue('f', 'never'); ROLLBACK;
            BEGIN; SELECT gman.enqueue('f', 'one');
            SAVEPOINT s; SELECT gman.enqueue('f', 'nor this'); ROLLBACK TO s;
            SELECT gman_do_background('f', 'two', options => '{"delivery": "outbox"}'); COMMIT""")
        self.database.wait_empty()
        self.assertEqual(sorted(jobs_of(self.gmand)), ["one", "two"])

    def test_workloads_of_any_bytes_and_sizes_arrive_as_they_are(self):
        sizes = (0, 1, 1 << 20, (1 << 20) + 1, 5 << 20)
        for size in sizes:
            self.database.sql("INSERT INTO gman.outbox (function_name, workload) "
                              f"VALUES ('bytes', convert_to(repeat('x', {size}), 'UTF8'))")
        self.database.sql("INSERT INTO gman.outbox (function_name, workload) "
                          "VALUES ('bytes', '\\x00ff00')")
        self.database.wait_empty()
        with Peer(self.gmand.address) as worker:
            worker.send(CAN_DO, "bytes")
            workloads = []
            for _ in range(len(sizes) + 1):
                handle, _, workload = worker.grab()
                worker.send(WORK_COMPLETE, handle, b"")
                workloads.append(workload)
            worker.echo()
        self.assertEqual(sorted(len(workload) for workload in workloads), sorted([*sizes, 3]))
        self.assertIn(b"\x00\xff\x00", workloads)

    def test_ten_thousand_rows_of_one_transaction_arrive_once_each(self):
        self.database.sql("SELECT count(gman.enqueue('many', i::text)) "
                          "FROM generate_series(1, 10000) AS i")
        self.database.wait_empty()
        self.assertEqual(sorted(map(int, jobs_of(self.gmand, "many"))), list(range(1, 10001)))

    def test_a_commit_wakes_the_worker_whichever_way_the_row_was_written(self):
        """Without that a row would wait for the next look, 250 ms apart where nothing happens."""
        ways = ("SELECT gman.enqueue('woken', 'w')",
                "INSERT INTO gman.outbox (function_name, workload) VALUES ('woken', '')",
                "SELECT gman_do_background('woken', 'w', options => '{\"delivery\": \"outbox\"}')")
        with Peer(self.gmand.address) as worker, self.database.session() as session:
            worker.send(CAN_DO, "woken")
            worker.echo()
            for way in ways:
                with self.subTest(way=way):
                    quickest = min(self.seconds_until_job(worker, session, way) for _ in range(5))
                    self.assertLess(quickest, 0.1)

    def seconds_until_job(self, worker, session, way):
        """From a commit that comes just after a look, when the next one is a quarter of a second
        away."""
        age = ("SELECT clock_timestamp() - state_change {} AND state = 'idle' "
               "FROM pg_stat_activity WHERE backend_type = 'gman relay'")
        wait_until(lambda: session.run(age.format("> interval '150 ms'")) == "t",
                   "the waits have become long")
        wait_until(lambda: session.run(age.format("< interval '30 ms'")) == "t",
                   "there was another look")
        begun = time.monotonic()
        session.start(way)
        handle, _, _ = worker.grab()
        taken = time.monotonic() - begun
        worker.send(WORK_COMPLETE, handle, b"")
        session.finish()
        return taken

    def test_a_row_to_completion_stays_until_a_worker_has_completed_it(self):
        self.database.sql("SELECT gman.enqueue('slow', 'w', delivery => 'completion')")
        with Peer(self.gmand.address) as worker:
            worker.send(CAN_DO, "slow")
            handle, _, _ = worker.grab()
            self.assertEqual(self.database.count(), 1)
            worker.send(WORK_COMPLETE, handle, b"")
            self.database.wait_empty()

    def test_a_row_is_shipped_at_its_time_and_not_before(self):
        self.database.sql("SELECT gman.enqueue('later', 'w', run_at => now() + interval '600 ms')")
        with Peer(self.gmand.address) as worker:
            worker.send(CAN_DO, "later")
            begun = time.monotonic()
            handle, _, _ = worker.grab()
            self.assertGreater(time.monotonic() - begun, 0.3)
            worker.send(WORK_COMPLETE, handle, b"")
            worker.echo()

    def test_it_shows_what_it_does(self):
        self.assertEqual(
            self.database.sql("SELECT application_name, state FROM pg_stat_activity "
                              "WHERE backend_type = 'gman relay'"), "gman relay|idle")
        before = int(self.database.relay("delivered"))
        self.database.enqueue("shown", function="shown")
        wait_until(lambda: int(self.database.relay("delivered")) == before + 1,
                   "the row is counted")
        self.assertEqual(self.database.relay("pid, under_way"), f"{self.database.pid_of()}|0")

    def test_it_shares_the_work_with_gman_relay(self):
        url = (f"postgresql://postgres@{urllib.parse.quote(self.database.socket_dir, safe='')}:"
               f"{self.database.port}/postgres")
        with Relay(url, to=self.gmand.address):
            for first in range(0, 3000, 500):
                self.database.sql("SELECT count(gman.enqueue('shared', i::text)) "
                                  f"FROM generate_series({first}, {first + 499}) AS i")
            self.database.wait_empty()
        self.assertEqual(sorted(map(int, jobs_of(self.gmand, "shared"))), list(range(3000)))

    def test_limits_and_mistakes_of_the_settings(self):
        self.addCleanup(self.database.set, "gman.relay_databases", "postgres")
        most = ",".join(f"d{i}" for i in range(63))
        self.database.set("gman.relay_databases", f"postgres,{most}")
        for name, value, message in (
                ("gman.relay_databases", f"postgres,{most},d63", "names 65 databases, and 64 are"),
                ("gman.relay_databases", "a,,b", "no list of names"),
                ("gman.relay_servers", "host:0", "host:0")):
            with self.subTest(value=value), self.assertRaisesRegex(SqlError, message) as raised:
                self.database.set(name, value)
            self.assertEqual(raised.exception.sqlstate, "22023")

    def test_triggers_that_somebody_put_on_the_outbox_run_as_its_owner(self):
        """The process is a superuser's, and whoever owns the table must not become one."""
        database = self.database
        database.sql("CREATE ROLE owner LOGIN")
        database.sql("CREATE DATABASE theirs OWNER owner")
        self.addCleanup(database.sql, "DROP DATABASE theirs WITH (FORCE)")
        self.addCleanup(database.set, "gman.relay_databases", "postgres")
        database.sql(pathlib.Path(ROOT, "sql/postgres/outbox.sql").read_text(encoding="utf-8")
                     + """
            CREATE TABLE gman.seen (who text);
            CREATE FUNCTION gman.see() RETURNS trigger LANGUAGE plpgsql AS
              'BEGIN INSERT INTO gman.seen VALUES (current_user); RETURN NULL; END';
            CREATE TRIGGER see AFTER UPDATE OR DELETE ON gman.outbox
              FOR EACH ROW EXECUTE FUNCTION gman.see();
            SELECT gman.enqueue('theirs', 'w')""", database="theirs", user="owner")
        database.set("gman.relay_databases", "postgres,theirs")
        database.wait_empty("theirs")
        self.assertEqual(database.sql("SELECT DISTINCT who FROM gman.seen", database="theirs"),
                         "owner")


class Life(unittest.TestCase):
    """A cluster for each, since what happens here is hard on it."""

    def start(self, servers, **options):
        return self.enterContext(Database(servers, **options))

    def test_it_goes_on_after_a_restart_of_the_server(self):
        gmand = self.enterContext(Gmand())
        database = self.start(gmand.address)
        database.ship("postgres")
        database.set("gman.relay_servers", DOWN)
        database.enqueue("before")
        database.restart()
        database.set("gman.relay_servers", gmand.address)
        database.wait_empty()
        self.assertEqual(jobs_of(gmand), ["before"])

    def test_rows_wait_for_a_job_server_that_is_away(self):
        with Gmand() as first, Proxy(first.address) as proxy:
            database = self.start(proxy.address)
            database.ship("postgres")
            database.enqueue("one")
            database.wait_empty()
            first.stop()
            proxy.cut()
            wait_until(lambda: "not connected" in database.relay("last_warning"),
                       "the loss is noticed")
            database.enqueue("two")
            with Gmand() as second:
                proxy.server = second.address
                database.wait_empty()
                self.assertEqual(jobs_of(second), ["two"])

    def test_a_worker_that_is_killed_loses_no_row(self):
        """As for any process of the server, PostgreSQL starts all of them again."""
        gmand = self.enterContext(Gmand())
        database = self.start(gmand.address)
        database.ship("postgres")
        database.sql("SELECT gman.enqueue('slow', 'w', delivery => 'completion')")
        with Peer(gmand.address) as worker:
            worker.send(CAN_DO, "slow")
            worker.grab()  # and never says what came of it
        pid = database.pid_of()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.is_there(database), "the server is there again")
        database.wait_running(other_than=pid)
        self.assertEqual(database.count(), 1)
        # In place of the lease's minute.
        database.sql("UPDATE gman.outbox SET run_at = now(), lease_until = NULL")
        with Peer(gmand.address) as worker:
            worker.send(CAN_DO, "slow")
            handle, _, workload = worker.grab()
            self.assertEqual(workload, b"w")
            worker.send(WORK_COMPLETE, handle, b"")
            database.wait_empty()

    @staticmethod
    def is_there(database):
        try:
            return database.sql("SELECT true") == "t"
        except SqlError:
            return False

    def test_a_worker_that_is_ended_gives_back_what_it_has_and_another_one_comes(self):
        gmand = self.enterContext(Gmand())
        database = self.start(gmand.address)
        database.ship("postgres")
        database.sql("SELECT gman.enqueue('slow', 'w', delivery => 'completion')")
        wait_until(lambda: database.relay("under_way") == "1", "the job is under way")
        pid = database.pid_of()
        database.sql(f"SELECT pg_terminate_backend({pid})")
        database.wait_running(other_than=pid)
        with Peer(gmand.address) as worker:
            worker.send(CAN_DO, "slow")
            while database.count() > 0:  # it may be there twice
                handle, _, _ = worker.grab()
                worker.send(WORK_COMPLETE, handle, b"")
                worker.echo()
                wait_until(lambda: database.count() == 0 or
                           gmand.admin("status").startswith("slow\t1"), "done, or sent again")

    def test_a_launcher_that_is_ended_comes_back_with_its_workers(self):
        gmand = self.enterContext(Gmand())
        database = self.start(gmand.address)
        database.ship("postgres")
        pid = database.pid_of()
        database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                     "WHERE backend_type = 'gman relay launcher'")
        database.wait_running(other_than=pid)
        database.enqueue("w")
        database.wait_empty()
        self.assertEqual(database.relay("pid"), str(database.pid_of()))

    def test_each_database_of_the_list_has_a_worker(self):
        gmand, other = self.enterContext(Gmand()), self.enterContext(Gmand())
        database = self.start(gmand.address)
        database.sql("CREATE DATABASE a")
        database.sql('CREATE DATABASE "B c"')
        database.sql(f"ALTER DATABASE \"B c\" SET gman.servers = '{other.address}'")
        database.ship("postgres", "a")
        database.sql("CREATE EXTENSION gman; SELECT gman_outbox_install()", database="B c")
        database.set("gman.relay_databases", 'a, "B c", nowhere')
        database.wait_running("B c")
        wait_until(lambda: database.pid_of("postgres") == 0, "what is not listed has no worker")
        for name in ("a", "B c"):
            database.enqueue(name, database=name)
            database.wait_empty(name)
        self.assertEqual((jobs_of(gmand), jobs_of(other)), (["a"], ["B c"]))
        wait_until(lambda: database.relay("last_warning", "nowhere") ==
                   "there is no such database", "it is said what is missing")
        database.sql("CREATE DATABASE nowhere")
        database.wait_running("nowhere")

    def test_a_database_is_dropped_by_force_or_after_it_left_the_list(self):
        gmand = self.enterContext(Gmand())
        database = self.start(gmand.address)
        database.sql("CREATE DATABASE a")
        database.sql("CREATE DATABASE b")
        database.sql("CREATE EXTENSION gman")
        database.ship("a", "b")
        with self.assertRaisesRegex(SqlError, "being accessed by other users") as raised:
            database.sql("DROP DATABASE a")
        self.assertEqual(raised.exception.sqlstate, "55006")
        database.sql("DROP DATABASE a WITH (FORCE)")
        wait_until(lambda: database.relay("pid, last_warning", "a") == "|there is no such database",
                   "its worker is gone")
        database.set("gman.relay_databases", "a")
        wait_until(lambda: database.pid_of("b") == 0, "the worker has ended")
        database.sql("DROP DATABASE b")
        self.assertEqual(database.sql("SELECT database FROM gman_relays()"), "a")

    def test_it_goes_to_other_servers_when_the_setting_changes(self):
        with Gmand() as first, Gmand() as second:
            database = self.start(first.address)
            database.ship("postgres")
            database.enqueue("one")
            database.wait_empty()
            pid = database.pid_of()
            database.set("gman.relay_servers", second.address)
            wait_until(lambda: f"connected to {second.address}" in database.log(),
                       "it has gone there")
            database.enqueue("two")
            database.wait_empty()
            self.assertEqual((jobs_of(first), jobs_of(second)), (["one"], ["two"]))
            self.assertEqual(database.pid_of(), pid)

    def test_a_server_that_lies_is_left_and_costs_no_row(self):
        gmand = self.enterContext(Gmand())
        with LyingServer(answers(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as liar:
            database = self.start(liar.address)
            database.ship("postgres")
            database.enqueue("w")
            wait_until(lambda: "broke the protocol" in database.relay("last_warning"),
                       "the lie is noticed")
            self.assertEqual(database.count(), 1)
            database.set("gman.relay_servers", gmand.address)
            database.wait_empty()
        self.assertEqual(jobs_of(gmand), ["w"])

    def test_a_server_that_is_not_allowed_gets_nothing(self):
        gmand = self.enterContext(Gmand())
        database = self.start(gmand.address, settings={"gman.allowed_servers": "127.0.0.1:1"})
        database.sql("CREATE EXTENSION gman; SELECT gman_outbox_install()")
        database.enqueue("w")
        database.set("gman.relay_databases", "postgres")
        wait_until(lambda: "gman.allowed_servers does not allow" in database.log(), "it says so")
        self.assertEqual(database.count(), 1)
        self.assertEqual(jobs_of(gmand), [])

    def test_a_standby_ships_nothing_until_it_is_promoted(self):
        gmand = self.enterContext(Gmand())
        primary = self.start(DOWN)
        primary.ship("postgres")
        with Database(gmand.address, primary=primary) as standby:
            primary.enqueue("w")
            wait_until(lambda: standby.count() == 1, "the row is replicated")
            self.assertEqual(standby.sql("SELECT count(*) FROM pg_stat_activity "
                                         "WHERE backend_type LIKE 'gman%'"), "0")
            primary.stop()
            standby.promote()
            standby.wait_empty()
        self.assertEqual(jobs_of(gmand), ["w"])


class Elsewhere(unittest.TestCase):
    def test_without_preload_there_is_no_worker_and_it_says_so(self):
        with Gmand() as gmand, Database(gmand.address, preload=False) as database:
            database.sql("CREATE EXTENSION gman; SELECT gman_outbox_install()")
            self.assertEqual(database.sql("SELECT gman_version() <> ''; "
                                          "SHOW gman.relay_databases"), "t\n")
            with self.assertRaisesRegex(SqlError, "not in shared_preload_libraries") as raised:
                database.sql("SELECT * FROM gman_relays()")
            self.assertEqual(raised.exception.sqlstate, "55000")
            database.enqueue("w")
            self.assertEqual(database.count(), 1)


if __name__ == "__main__":
    unittest.main()
