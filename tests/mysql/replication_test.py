# SPDX-License-Identifier: BSD-3-Clause
"""A real replica: whatever a statement has sent on the primary is not sent once more there."""
import contextlib
import unittest

from fixture import RecordingServer, database
from mysql import PrivateDatabase

SCRIPTS = ("wrappers.sql", "outbox.sql", "trigger.sql")

# Every way from a statement to a job: generated triggers of both kinds, a trigger that calls a
# wrapper, a wrapper and a bare function in a statement, and a procedure.
TABLES = """
    CREATE TABLE sent (id INT PRIMARY KEY, url VARCHAR(100)) ENGINE = InnoDB;
    CREATE TABLE kept LIKE sent;
    CREATE TABLE wrapped (id INT PRIMARY KEY, job VARCHAR(255)) ENGINE = InnoDB;
    DELIMITER //
    CREATE TRIGGER wrapped_sends BEFORE INSERT ON wrapped FOR EACH ROW
      SET NEW.job = gman.do_background('by_wrapper', NEW.id) //
    CREATE PROCEDURE sends(id INT) BEGIN
      INSERT INTO wrapped VALUES (id, NULL); INSERT INTO kept VALUES (id, 'by procedure'); END //
    DELIMITER ;"""
STATEMENTS = """
    INSERT INTO sent VALUES (1, 'a'), (2, 'b'); UPDATE sent SET url = 'c' WHERE id = 2;
    INSERT INTO kept SELECT id, url FROM sent; UPDATE kept SET url = 'd' WHERE id = 1;
    INSERT INTO wrapped (id) VALUES (1), (2); CALL sends(3);
    INSERT INTO kept VALUES (4, gman_do_background('by_statement', 'w'));
    INSERT INTO kept VALUES (5, gman.do_background('by_wrapper', 'w'))"""
SENT = sorted(["index_url a", "index_url b", "index_url c", "by_wrapper 1", "by_wrapper 2",
               "by_wrapper 3", "by_wrapper w", "by_statement w"])
# All but those of the generated trigger, which looks for itself.
SENT_BY_FUNCTIONS = [job for job in SENT if not job.startswith("index_url")]
# Rows 1 and 2, the change, those of the procedure and of the two last statements.
KEPT = 6


def install(server):
    for name in SCRIPTS:
        server.sql(server.script(name))
    server.sql(TABLES, database="test")
    for table, delivery in (("sent", "immediate"), ("kept", "outbox")):
        client = server.popen_sql(
            f"CALL gman.trigger_sql('test.{table}', 'index_url', 'url', '{delivery}')",
            options=["--raw"])
        server.sql(client.communicate(timeout=60)[0].decode())


@contextlib.contextmanager
def replicated(binlog_format, replica_options=(), replica_config=None):
    """(primary, replica, jobs of the primary, jobs of the replica)."""
    with contextlib.ExitStack() as stack:
        jobs = [stack.enter_context(RecordingServer()) for _ in range(2)]
        primary = stack.enter_context(database(
            jobs[0].address, options=["--server-id=1", "--log-bin=log",
                                      f"--binlog-format={binlog_format}"]))
        replica = stack.enter_context(database(
            jobs[1].address, options=["--server-id=2", *replica_options], config=replica_config))
        for server in (primary, replica):
            install(server)
        replica.replicate(primary)
        yield primary, replica, *jobs


def jobs_of(server):
    return sorted(f"{function.decode()} {workload.decode()}"
                  for _, function, _, workload in server.requests)


class Replication(unittest.TestCase):
    def assert_sent_once(self, binlog_format, *replica_options, sent_again=()):
        with replicated(binlog_format, replica_options) as (primary, replica, jobs, more_jobs):
            primary.sql(STATEMENTS, database="test")
            replica.catch_up_with(primary)
            self.assertEqual(jobs_of(jobs), SENT)
            self.assertEqual(jobs_of(more_jobs), list(sent_again))
            more_jobs.requests.clear()
            rows = "SELECT COUNT(*) FROM test.kept UNION ALL SELECT COUNT(*) FROM test.wrapped"
            self.assertEqual(replica.sql(rows), primary.sql(rows))
            outbox = "SELECT COUNT(*), COUNT(DISTINCT id) FROM gman.outbox"
            self.assertEqual(primary.sql(outbox), f"{KEPT}\t{KEPT}")
            # A session of its own makes jobs there: it was not the triggers that were missing.
            replica.sql("INSERT INTO sent VALUES (9, 'promoted')", database="test")
            self.assertEqual(jobs_of(more_jobs), ["index_url promoted"])
            return replica.sql(outbox)

    def test_statements(self):
        # Nobody copies the outbox's rows, and the triggers are silent: see the manual. MySQL does
        # not tell a function who calls it there.
        sent_again = () if PrivateDatabase.dialect == "mariadb" else SENT_BY_FUNCTIONS
        self.assertEqual(self.assert_sent_once("STATEMENT", sent_again=sent_again), "0\t0")

    def test_mixed(self):
        self.assertEqual(self.assert_sent_once("MIXED"), f"{KEPT}\t{KEPT}")

    def test_rows(self):
        self.assertEqual(self.assert_sent_once("ROW"), f"{KEPT}\t{KEPT}")

    @unittest.skipIf(PrivateDatabase.dialect == "mysql", "no replica of MySQL's does")
    def test_rows_where_the_replica_runs_triggers_for_them(self):
        for mode in ("YES", "ENFORCE"):
            with self.subTest(mode=mode):
                self.assertEqual(
                    self.assert_sent_once("ROW", f"--slave-run-triggers-for-rbr={mode}"),
                    f"{KEPT}\t{KEPT}")

    def test_a_replica_can_be_told_to_send(self):
        with replicated("STATEMENT", replica_config="send_on_replica = true\n") as (
                primary, replica, jobs, more_jobs):
            primary.sql(STATEMENTS, database="test")
            replica.catch_up_with(primary)
            self.assertEqual(jobs_of(jobs), SENT)
            self.assertEqual(jobs_of(more_jobs), SENT_BY_FUNCTIONS)


if __name__ == "__main__":
    unittest.main()
