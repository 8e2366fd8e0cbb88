# SPDX-License-Identifier: BSD-3-Clause
"""gman-relay between real databases, real job servers and workers of the tests: what it ships, how
it is told what to do, and what it says."""
import contextlib
import os
import pathlib
import signal
import tempfile
import threading
import unittest

from gearmand import Gearmand
from gmand import Gmand
from outbox import OutboxMariaDB, OutboxPostgres
from outbox_cases import OutboxTest
from patience import wait_until
from proxy import Proxy
from relay import Relay, run_relay, ship_once
from wire import *  # pylint: disable=wildcard-import,unused-wildcard-import

DOWN = "unix:/nonexistent/gmand.sock"


class Collector:
    """A function for a Worker that keeps what it was given."""

    def __init__(self, result=b""):
        self._result = result
        self._changed = threading.Condition()
        self.workloads = []

    def __call__(self, workload):
        with self._changed:
            self.workloads.append(workload.decode())
            self._changed.notify_all()
        if isinstance(self._result, Exception):
            raise self._result
        return self._result

    def wait(self, count, seconds=20):
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.workloads) >= count, seconds):
                raise AssertionError(f"{len(self.workloads)} of {count} jobs: {self.workloads}")
            return list(self.workloads)


class RelayTestCase(OutboxTest, unittest.TestCase):
    def wait_empty(self):
        wait_until(lambda: self.database.count() == 0, "the outbox is empty")


class Shipping:
    """What holds for each kind of database."""

    def grab_all(self, gmand, *functions):
        """(function, unique, workload) of all jobs, in the order in which a worker gets them."""
        jobs = []
        with Peer(gmand.address) as worker:
            for function in functions:
                worker.send(CAN_DO, function)
            while (answer := worker.request(GRAB_JOB_UNIQ)).type != NO_JOB:
                handle, function, unique, workload = answer.args
                worker.send(WORK_COMPLETE, handle, b"")
                jobs.append((function.decode(), unique.decode(), workload.decode()))
            worker.echo()
        return jobs

    def test_each_committed_row_becomes_one_job_with_its_parts(self):
        with Gmand() as gmand:
            plain = self.database.enqueue("f", "plain")
            self.database.enqueue("f", "own", unique_key="key")
            self.database.enqueue("f", "urgent", priority="high")
            self.database.enqueue("g", "late", priority="low")
            job = self.database.enqueue_sql("f", "never")
            self.database.sql(f"START TRANSACTION; {job} ROLLBACK")
            done = ship_once(self.database.url, to=gmand.address)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(self.database.count(), 0)
            jobs = self.grab_all(gmand, "f", "g")
            self.assertEqual([job[0::2] for job in jobs],
                             [("f", "urgent"), ("f", "plain"), ("f", "own"), ("g", "late")])
            self.assertEqual(jobs[1][1], plain)
            self.assertEqual(jobs[2][1], "key")

    def test_workloads_of_any_bytes_and_sizes_arrive_as_they_are(self):
        with Gmand() as gmand:
            sizes = (0, 1, 999, 1 << 20, (1 << 20) + 1, 5 << 20)
            for size in sizes:
                repeat = ("convert_to(repeat('x', {}), 'UTF8')" if self.database.kind == "postgres"
                          else "REPEAT('x', {})").format(size)
                self.database.sql("INSERT INTO gman.outbox (function_name, workload) "
                                  f"VALUES ('f', {repeat})")
            binary = "'\\x00ff00'" if self.database.kind == "postgres" else "X'00FF00'"
            self.database.sql("INSERT INTO gman.outbox (function_name, workload) "
                              f"VALUES ('f', {binary})")
            done = ship_once(self.database.url, to=gmand.address)
            self.assertEqual(done.returncode, 0, done.stderr)
            with Peer(gmand.address) as worker:
                worker.send(CAN_DO, "f")
                workloads = [worker.grab()[2] for _ in range(len(sizes) + 1)]
            self.assertEqual([len(workload) for workload in workloads], [*sizes, 3])
            self.assertEqual(workloads[-1], b"\x00\xff\x00")

    def test_a_row_is_shipped_at_its_time_and_not_before(self):
        soon = ("now() + interval '700 ms'" if self.database.kind == "postgres"
                else "NOW(6) + INTERVAL 700000 MICROSECOND")
        collect = Collector()
        with Gmand() as gmand, Worker(gmand.address, {"f": collect}), \
                Relay(self.database.url, to=gmand.address):
            self.database.sql("INSERT INTO gman.outbox (function_name, workload, run_at) "
                              f"VALUES ('f', 'later', {soon});"
                              + self.database.enqueue_sql("f", "now"))
            self.assertEqual(collect.wait(2), ["now", "later"])

    def test_a_paused_function_waits_and_the_others_go_on(self):
        collect = Collector()
        with Gmand() as gmand, Worker(gmand.address, {"f": collect, "g": collect}), \
                Relay(self.database.url, to=gmand.address):
            self.operate("pause('f')")
            self.database.enqueue("f", "paused")
            self.database.enqueue("g", "goes on")
            self.assertEqual(collect.wait(1), ["goes on"])
            self.database.enqueue("g", "on")
            self.assertEqual(collect.wait(2), ["goes on", "on"])
            self.operate("resume('f')")
            self.assertEqual(collect.wait(3), ["goes on", "on", "paused"])

    def test_a_row_to_completion_stays_until_its_worker_is_done(self):
        with Gmand() as gmand, Relay(self.database.url, to=gmand.address), \
                Peer(gmand.address) as worker:
            self.database.enqueue("f", "w", delivery="completion")
            worker.send(CAN_DO, "f")
            handle, _, workload = worker.grab()
            self.assertEqual(workload, b"w")
            self.assertEqual(self.database.count("lease_until IS NOT NULL"), 1)
            worker.send(WORK_COMPLETE, handle, b"result")
            self.wait_empty()

    def test_a_job_to_completion_that_fails_is_tried_again_and_dies_in_the_end(self):
        collect = Collector(ValueError("wrong"))
        with Gmand() as gmand, Worker(gmand.address, {"f": collect}), \
                Relay(self.database.url, to=gmand.address, options=("--attempts-max", 2)) as relay:
            self.database.enqueue("f", "w", delivery="completion")
            collect.wait(2)
            line = relay.wait_log("job given up")[0]
            self.assertIn("the job failed", line)
            wait_until(lambda: self.database.count("state = 'dead'") == 1, "the job is dead")
            dead = self.database.rows("SELECT attempts, last_error FROM gman.outbox_dead")
            self.assertEqual(dead, [["2", "the job failed"]])
            row = self.database.sql("SELECT id FROM gman.outbox_dead")
            self.operate(f"retry({row})")
            self.assertEqual(collect.wait(3), ["w"] * 3)

    def test_an_exception_is_kept_with_the_row(self):
        with Gmand() as gmand, Peer(gmand.address) as worker, \
                Relay(self.database.url, to=gmand.address, options=("--attempts-max", 1)):
            self.database.enqueue("f", "w", delivery="completion")
            worker.send(CAN_DO, "f")
            worker.send(WORK_EXCEPTION, worker.grab()[0], "disk\nfull \u00e9")
            wait_until(lambda: self.database.count("state = 'dead'") == 1, "the job is dead")
            kept = self.database.sql("SELECT last_error FROM gman.outbox_dead")
            self.assertRegex(kept, r"^the job raised an exception: disk\\+nfull é$")

    def test_a_full_queue_is_waited_for_and_nothing_dies_of_it(self):
        with Gmand("--queue-max", "1") as gmand, \
                Relay(self.database.url, to=gmand.address, options=("--attempts-max", 1)):
            for number in range(3):
                self.database.enqueue("f", str(number))
            wait_until(lambda: self.database.count("last_error LIKE '%queue is full%'") == 2,
                       "two rows have come back")
            self.assertEqual(self.database.count("state = 'dead'"), 0)
            collect = Collector()
            with Worker(gmand.address, {"f": collect}):
                self.assertEqual(sorted(collect.wait(3)), ["0", "1", "2"])
            self.wait_empty()

    def test_several_relays_share_the_work_and_double_nothing(self):
        self.database.enqueue_many("f", 5000, "a")
        with Gmand() as gmand, contextlib.ExitStack() as relays:
            for _ in range(3):
                relays.enter_context(Relay(self.database.url, to=gmand.address,
                                           options=("--batch-rows-max", 50)))
            self.wait_empty()
            self.assertEqual(gmand.admin("status"), "f\t5000\t0\t0\n.\n")

    def test_what_a_relay_that_died_had_leased_is_shipped_when_the_lease_ends(self):
        with Gmand() as gmand, Proxy(gmand.address) as proxy:
            with Relay(self.database.url, to=proxy.address) as relay:
                proxy.partition()
                self.database.enqueue("f", "w")
                wait_until(lambda: self.database.count("lease_until IS NOT NULL") == 1, "leased")
                relay.kill()
            self.assertEqual(gmand.admin("status"), ".\n")
            done = ship_once(self.database.url, to=gmand.address)
            self.assertEqual((done.returncode, self.database.count()), (0, 1))
            self.database.sql("UPDATE gman.outbox SET run_at = CURRENT_TIMESTAMP")  # so it ended
            ship_once(self.database.url, to=gmand.address)
            self.assertEqual(self.database.count(), 0)
            self.assertEqual(gmand.admin("status"), "f\t1\t0\t0\n.\n")

    def test_a_job_stays_with_one_server_however_the_list_is_ordered(self):
        with Gmand() as one, Gmand() as two:
            uniques = []
            for order in ((one, two), (two, one)):
                self.database.enqueue_many("f", 40, "w", delivery="queue")
                for number in range(20):
                    self.database.enqueue("g", "w", unique_key=f"key {number}")
                done = ship_once(self.database.url, to=",".join(g.address for g in order))
                self.assertEqual(done.returncode, 0, done.stderr)
                uniques.append([{job[1] for job in self.grab_all(g, "g")} for g in (one, two)])
            self.assertEqual(uniques[0], uniques[1])
            self.assertTrue(all(uniques[0]), uniques)

    def test_a_server_that_does_not_know_our_packets_gets_plain_ones(self):
        with Gearmand() as gearmand:
            plain = self.database.enqueue("f", "plain", priority="high")
            self.database.enqueue("f", "own", unique_key="key")
            done = ship_once(self.database.url, to=gearmand.address)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("does not remember", done.stderr)
            jobs = self.grab_all(gearmand, "f")
            # It would join a running job to the key, so the key stays here.
            self.assertEqual(jobs, [("f", plain, "plain"), ("f", "", "own")])


    def test_a_connection_that_the_database_has_ended_is_made_anew_without_a_word(self):
        with Gmand() as gmand, Relay(self.database.url, to=gmand.address) as relay:
            self.database.enqueue("f", "before")
            self.wait_empty()
            self.assertTrue(self.database.end_settling())
            self.database.enqueue("f", "after")
            self.wait_empty()
            self.assertEqual(gmand.admin("status"), "f\t2\t0\t0\n.\n")
            self.assertNotIn("fails", relay.log())

    def test_a_row_is_not_deleted_in_a_database_that_has_taken_the_place_of_its_own(self):
        """As after a failover to a copy: its row of the same id is another job."""
        with Gmand() as gmand, Relay(self.database.url, to=gmand.address) as relay, \
                Peer(gmand.address) as worker:
            self.database.enqueue("g", "makes the relay connect a second time")
            self.wait_empty()
            self.database.enqueue("f", "w", delivery="completion")
            worker.send(CAN_DO, "f")
            handle, _, _ = worker.grab()
            self.operate("renew_uuid()")
            self.assertTrue(self.database.end_settling())
            worker.send(WORK_COMPLETE, handle, b"")
            relay.wait_log("another database's than before")
            self.assertEqual(self.database.count("function_name = 'f'"), 1)
            unique = self.database.enqueue("g", "the relay goes on under the new uuid")
            wait_until(lambda: self.database.count("function_name = 'g'") == 0, "it is shipped")
            self.assertIn(("g", unique, "the relay goes on under the new uuid"),
                          self.grab_all(gmand, "g"))

class PostgresShipping(Shipping, RelayTestCase):
    database_class = OutboxPostgres

    def test_a_database_that_notifies_wakes_the_relay(self):
        self.database.sql("SELECT gman.notify(true)")
        self.addCleanup(self.database.sql, "SELECT gman.notify(false)")
        collect = Collector()
        # It would look but once a minute.
        with Gmand() as gmand, Worker(gmand.address, {"f": collect}), \
                Relay(self.database.url, to=gmand.address, options=("--poll-ms", 60000)):
            for number in range(3):
                self.database.enqueue("f", str(number))
                collect.wait(number + 1)

    def test_a_row_that_somebody_holds_locked_keeps_nobody_waiting(self):
        self.database.enqueue("f", "locked")
        self.database.enqueue("f", "free")
        with Gmand() as gmand, self.database.session() as other:
            other.run("BEGIN")
            other.run("SELECT 1 FROM gman.outbox WHERE workload = 'locked' FOR UPDATE")
            with Relay(self.database.url, to=gmand.address):
                wait_until(lambda: self.database.count() == 1, "the free row is shipped")
                other.run("COMMIT")
                self.wait_empty()


class MariaDBShipping(Shipping, RelayTestCase):
    database_class = OutboxMariaDB


class Operating(RelayTestCase):
    database_class = OutboxPostgres

    def test_it_goes_on_when_its_database_was_restarted(self):
        collect = Collector()
        with Gmand() as gmand, Worker(gmand.address, {"f": collect}), \
                Relay(self.database.url, to=gmand.address) as relay:
            self.database.enqueue("f", "before")
            collect.wait(1)
            self.database.restart()
            self.database.enqueue("f", "after")
            self.assertEqual(collect.wait(2), ["before", "after"])
            relay.wait_log("outbox fails")

    def test_rows_that_cannot_be_deleted_are_told_once_and_deleted_later(self):
        self.database.sql("CREATE ROLE shipper LOGIN IN ROLE gman_relay; "
                          "REVOKE DELETE ON gman.outbox FROM gman_relay")
        self.addCleanup(self.database.sql, "GRANT DELETE ON gman.outbox TO gman_relay; "
                                           "DROP ROLE shipper")
        url = self.database.url.replace("postgres@", "shipper@")
        with Gmand() as gmand, Relay(url, to=gmand.address) as relay:
            self.database.enqueue("f", "w")
            relay.wait_log("permission denied")
            self.database.enqueue("f", "waits")
            self.assertEqual(self.database.count("lease_until IS NULL"), 1)
            self.database.sql("GRANT DELETE ON gman.outbox TO gman_relay")
            relay.wait_log("rows are settled again")
            self.wait_empty()
            self.assertEqual(gmand.admin("status"), "f\t2\t0\t0\n.\n")
            self.assertEqual(relay.log().count("outbox fails"), 1)

    def test_it_goes_on_when_its_job_server_comes_and_goes(self):
        with Gmand() as gmand, Proxy(gmand.address) as proxy:
            with Relay(self.database.url, to=proxy.address) as relay:
                proxy.cut()
                relay.wait_log("connected server=", 2)
                self.database.enqueue("f", "w")
                self.wait_empty()

    def test_a_server_that_answers_nothing_is_left(self):
        with Gmand() as gmand, Proxy(gmand.address) as proxy:
            with Relay(self.database.url, to=proxy.address,
                       options=("--server-silence-seconds", 1)) as relay:
                proxy.partition()
                self.database.enqueue("f", "w")
                relay.wait_log("the server does not answer")
                proxy.heal()
                self.wait_empty()
            self.assertEqual(gmand.admin("status"), "f\t1\t0\t0\n.\n")

    def test_a_stop_waits_for_what_is_under_way_and_gives_the_rest_back(self):
        with Gmand() as gmand, Peer(gmand.address) as worker:
            with Relay(self.database.url, to=gmand.address,
                       options=("--stop-seconds", 1)) as relay:
                self.database.enqueue("f", "w", delivery="completion")
                worker.send(CAN_DO, "f")
                worker.grab()
                self.assertEqual(relay.stop(), 0)
                self.assertIn("stopping, leases no more under_way=1", relay.log())
            # Given back, and the attempt does not count.
            self.assertEqual(self.database.rows(
                "SELECT attempts, lease_until IS NULL, state FROM gman.outbox"),
                [["0", "t", "ready"]])

    def test_a_stop_while_nothing_is_there_is_quick(self):
        with Relay(self.database.url, to=DOWN, ready=False) as relay:
            relay.wait_log("not connected")
            self.assertEqual(relay.stop(), 0)

    def test_counters_are_logged_when_asked_for(self):
        with Gmand() as gmand, Relay(self.database.url, to=gmand.address) as relay:
            self.database.enqueue("f", "w")
            self.wait_empty()
            relay.signal(signal.SIGUSR1)
            line = relay.wait_log(" counters ")[0]
            self.assertIn("leased=1 delivered=1 returned=0 died=0 under_way=0", line)

    def test_stats_prints_what_the_outbox_holds(self):
        self.database.enqueue("index_url", "w")
        self.operate("pause('index_url')")
        done = run_relay("--from", self.database.url, "--stats")
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = [line.split() for line in done.stdout.splitlines()]
        self.assertEqual(lines[1][:6], ["function", "due", "scheduled", "retrying", "leased",
                                        "dead"])
        self.assertEqual(lines[2][:6], ["index_url", "1", "0", "0", "0", "0"])
        self.assertEqual(lines[2][-1], "paused")

    def test_once_says_why_it_could_not(self):
        self.database.enqueue("f", "w")
        done = ship_once(self.database.url, to=DOWN)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no job server can be reached", done.stderr)
        self.assertEqual(self.database.count("lease_until IS NULL AND attempts = 0"), 1)
        with Gmand() as gmand:
            done = ship_once("postgresql:///x?host=/nonexistent", to=gmand.address)
            self.assertEqual(done.returncode, 1)
            self.assertIn("/nonexistent", done.stderr)

    def test_a_database_without_an_outbox_is_told_what_to_run(self):
        self.database.sql("CREATE DATABASE empty")
        self.addCleanup(self.database.sql, "DROP DATABASE empty")
        with Gmand() as gmand:
            url = self.database.url.removesuffix("/postgres") + "/empty"
            done = ship_once(url, to=gmand.address)
            self.assertEqual(done.returncode, 1)
            self.assertIn("run sql/postgres/outbox.sql", done.stderr)

    def test_one_relay_serves_databases_of_both_kinds(self):
        with OutboxMariaDB() as other, Gmand() as gmand:
            self.database.enqueue("f", "postgres")
            other.enqueue("f", "mariadb")
            done = ship_once(self.database.url, other.url, to=gmand.address)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual((self.database.count(), other.count()), (0, 0))
            self.assertEqual(gmand.admin("status"), "f\t2\t0\t0\n.\n")

    def test_the_relays_own_role_is_enough(self):
        self.database.sql("CREATE ROLE shipper LOGIN IN ROLE gman_relay")
        self.addCleanup(self.database.sql, "DROP ROLE shipper")
        self.database.enqueue("f", "w")
        with Gmand() as gmand:
            done = ship_once(self.database.url.replace("postgres@", "shipper@"), to=gmand.address)
            self.assertEqual((done.returncode, self.database.count()), (0, 0), done.stderr)


class Words(unittest.TestCase):
    def config(self, text):
        directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        path = directory / "relay.toml"
        path.write_text(text, encoding="utf-8")
        return path

    def test_help_names_every_option_and_the_exit_status(self):
        done = run_relay("--help")
        self.assertEqual(done.returncode, 0)
        for word in ("--from", "--to", "--once", "--stats", "--config-file", "--lease-seconds",
                     "--attempts-max", "--dead-days", "--poll-ms", "Exit status"):
            self.assertIn(word, done.stdout)
        self.assertLessEqual(max(map(len, done.stdout.splitlines())), 100)

    def test_what_cannot_be_meant_is_one_line_and_status_2(self):
        database = ("--from", "postgresql:///x")
        for words, said in (((), "no database is given"),
                            (("--from", "oracle://x"), "postgresql://"),
                            ((*database, "--to", ""), "no job server is given"),
                            ((*database, "--to", "host:99999"), "99999"),
                            ((*database, "--attempts-max", "0"), "attempts-max"),
                            ((*database, "--lease-seconds", "5"), "--server-silence-seconds"),
                            ((*database, "--config-file", "/nonexistent"), "/nonexistent"),
                            ((*database, "--frm", "x"), "--frm")):
            with self.subTest(words=words):
                done = run_relay(*words)
                self.assertEqual(done.returncode, 2)
                self.assertIn(said, done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1)

    def test_the_packaged_file_is_one(self):
        root = pathlib.Path(__file__).resolve().parents[2]
        done = run_relay("--config-file", root / "packaging" / "gman-relay.toml", "--check-config")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_file_says_the_same_and_the_command_line_goes_before_it(self):
        path = self.config('from = ["postgresql:///a", "mysql://u@h/gman"]\nto = "queue1,queue2"\n'
                           'lease-seconds = 45.5\nonce = true\n')
        self.assertEqual(run_relay("--config-file", path, "--check-config").returncode, 0)
        done = run_relay("--config-file", path, "--check-config", "--lease-seconds", 2)
        self.assertEqual(done.returncode, 2)

    def test_mistakes_in_a_file_name_the_line(self):
        for text, said in (("from = 'oracle://x'", "oracle"), ("\nfrm = 'x'", ":2: frm"),
                           ("\n\npoll-ms = 'soon'", ":3: --poll-ms"), ("to = ", ":1:"),
                           ("config-file = 'other'", "config-file is no option")):
            with self.subTest(text=text):
                done = run_relay("--config-file", self.config(text))
                self.assertEqual(done.returncode, 2)
                self.assertIn(said, done.stderr)

    def test_passwords_are_not_shown(self):
        done = run_relay("--from", "mysql://me:secret@127.0.0.1:1/gman", "--stats")
        self.assertEqual(done.returncode, 1)
        self.assertIn("mysql://me@127.0.0.1:1/gman", done.stderr)
        self.assertNotIn("secret", done.stderr)


if __name__ == "__main__":
    os.environ.pop("PGPASSWORD", None)
    unittest.main()
