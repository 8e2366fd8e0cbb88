# SPDX-License-Identifier: BSD-3-Clause
"""gman_do_all: the jobs of a group at once. gman_job_status and gman_cancel: what became of one."""
import contextlib
import json
import threading
import time
import unittest

import wire
from fixture import (FunctionsCase, RecordingServer, ScriptedServer, database, dead_address, fail,
                     json_told, read_job, respond)
from gmand import Gmand
from mariadb import SqlError

ROWS_MAX = 10000


def read_until_closed(connection):
    while connection.recv(4096):
        pass


class All(FunctionsCase):
    options = ["--max-allowed-packet=256M"]

    jobs = {
        "same": lambda workload: workload,
        "latin1": lambda workload: b"\xe9",
        "odd": lambda workload: workload if int(workload) % 2 else fail(workload),
    }

    def all_of(self, arguments, rows):
        return json_told(self.sql(f"SELECT gman_do_all({arguments}) FROM {rows}"))

    def test_returns_the_results_in_the_order_of_the_rows(self):
        self.assertEqual(self.all_of("'same', seq", "seq_1_to_1000"),
                         [str(number) for number in range(1, 1001)])

    def test_each_group_is_an_array_of_its_own(self):
        self.assertEqual(
            self.sql("SELECT seq % 2, gman_do_all('same', seq) FROM seq_1_to_5 GROUP BY 1"),
            '0\t["2","4"]\n1\t["1","3","5"]')

    def test_a_group_without_rows_is_an_empty_array(self):
        self.assertEqual(self.all_of("'same', seq", "seq_1_to_5 WHERE FALSE"), [])

    def test_an_empty_result_is_null_and_text_is_escaped(self):
        self.assertEqual(self.all_of("'same', CHAR(34, 92, 10 USING utf8mb4)", "seq_1_to_1"),
                         ['"\\\n'])
        self.assertEqual(self.all_of("'same', IF(seq = 1, '', 'é😀')", "seq_1_to_2"),
                         [None, "é😀"])

    def test_the_jobs_run_on_all_workers_at_once(self):
        workers = 4
        all_there = threading.Barrier(workers)

        def answer_when_all_have_one(workload):
            all_there.wait(30)
            return workload

        for _ in range(workers):
            self.enterContext(wire.Worker(self.gmand.address, {"meet": answer_when_all_have_one}))
        self.assertEqual(self.all_of("'meet', seq", f"seq_1_to_{workers}"), ["1", "2", "3", "4"])

    def test_jobs_with_one_unique_are_one_job(self):
        with RecordingServer() as jobs, database(jobs.address) as server:
            self.assertEqual(json.loads(server.sql(
                "SELECT gman_do_all('f', 'w', 'u') FROM seq_1_to_3", database="test")), ["w"] * 3)
            self.assertEqual(len(jobs.requests), 1)

    def test_a_group_is_sent_once_however_often_its_value_is_read(self):
        with RecordingServer() as jobs, database(jobs.address) as server:
            self.assertEqual(
                server.sql("SELECT seq % 2, gman_do_all('f', seq) AS results FROM seq_1_to_4"
                           " GROUP BY 1 HAVING results <> '[]' ORDER BY 1", database="test"),
                '0\t["2","4"]\n1\t["1","3"]')
            self.assertEqual(len(jobs.requests), 4)

    def test_a_group_that_failed_is_not_sent_again_either(self):
        def refuse(connection):
            while True:
                requests.append(read_job(connection))
                respond(connection, wire.JOB_CREATED, "H:test:1")
                respond(connection, wire.WORK_FAIL, "H:test:1")

        requests = []
        with ScriptedServer(refuse) as jobs, \
                database(jobs.address, env={"GMAN_ON_ERROR": "null"}) as server:
            self.assertEqual(
                server.sql("SELECT gman_do_all('f', 'w') AS results FROM seq_1_to_1"
                           " HAVING COALESCE(results, 'none') = 'none'", database="test"), "NULL")
            self.assertEqual(len(requests), 1)

    def test_one_failed_job_fails_the_statement_and_is_named(self):
        self.fails("SELECT gman_do_all('odd', seq) FROM seq_1_to_5", "1644", "gman_do_all",
                   "row 2 of 5")

    def test_a_result_that_is_no_utf8_is_an_error(self):
        self.fails("SELECT gman_do_all('latin1', 'w')", "1644", "row 1 of 1", "UTF-8")

    def test_rows_of_two_functions_nulls_and_too_many_rows_are_refused(self):
        self.fails("SELECT gman_do_all(IF(seq = 1, 'same', 'odd'), seq) FROM seq_1_to_2", "1644",
                   "same for all rows")
        self.fails("SELECT gman_do_all('same', NULL)", "1644", "workload", "NULL")
        self.assertEqual(len(self.all_of("'same', 'w', 'u'", f"seq_1_to_{ROWS_MAX}")), ROWS_MAX)
        self.fails(f"SELECT gman_do_all('same', 'w', 'u') FROM seq_1_to_{ROWS_MAX + 1}", "1644",
                   str(ROWS_MAX))
        self.fails("SELECT gman_do_all('same', REPEAT('w', 67108863 + seq)) FROM seq_1_to_2",
                   "1644", "67108864")
        self.fails("SELECT gman_do_all('same')", "two or three arguments")

    def test_kill_ends_it(self):
        client = self.database.popen_sql(
            "SELECT CONNECTION_ID(); SELECT gman_do_all('nobody', seq) FROM test.seq_1_to_100")
        session = int(client.stdout.readline())
        self.gmand.wait_admin("status", lambda answer: "nobody\t" in answer)
        self.sql(f"KILL QUERY {session}")
        self.assertIn(b"ERROR 1317", client.communicate(timeout=30)[1])
        self.gmand.wait_admin("status", lambda answer: "nobody\t0\t0\t0\n" in answer
                              or "nobody\t" not in answer)


class Status(FunctionsCase):
    def status(self, call):
        return json.loads(self.sql(f"SELECT {call}"))

    def test_tells_a_job_by_its_handle_and_by_its_unique(self):
        handle = self.sql("SELECT gman_do_background('told', 'w', 'its unique')")
        queued = {"known": True, "running": False, "numerator": 0, "denominator": 0,
                  "server": self.gmand.address}
        for name in (handle, "its unique"):
            self.assertEqual(self.status(f"gman_job_status('{name}')"), queued)
        with wire.Peer(self.gmand.address) as worker:
            worker.send(wire.CAN_DO, "told")
            worker.grab()
            worker.send(wire.WORK_STATUS, handle, "3", "7")
            worker.echo()
            for name in (handle, "its unique"):
                self.assertEqual(self.status(f"gman_job_status('{name}', 'told')"),
                                 {**queued, "running": True, "numerator": 3, "denominator": 7})
            worker.send(wire.WORK_COMPLETE, handle, "")
            worker.echo()
        for name in (handle, "its unique"):
            self.assertEqual(self.status(f"gman_job_status('{name}')"), {"known": False})

    def test_of_nothing_it_is_null(self):
        self.assertEqual(self.sql("SELECT gman_job_status(NULL), gman_cancel(NULL)"), "NULL\tNULL")

    def test_cancel_gives_a_queued_job_up_once(self):
        handle = self.sql("SELECT gman_do_background('given_up', 'w')")
        self.assertEqual(self.sql(f"SELECT gman_cancel('{handle}')"), "1")
        self.assertEqual(self.status(f"gman_job_status('{handle}')"), {"known": False})
        self.assertEqual(self.sql(f"SELECT gman_cancel('{handle}')"), "0")

    def test_every_server_of_the_list_is_asked(self):
        with Gmand() as other, database(f"{self.gmand.address},{other.address}") as server:
            with wire.Peer(other.address) as client:
                handle = client.submit("f", kind=wire.SUBMIT_JOB_BG).decode()
            told = json.loads(server.sql(f"SELECT gman_job_status('{handle}')"))
            self.assertEqual((told["known"], told["server"]), (True, other.address))
            self.assertEqual(server.sql(f"SELECT gman_cancel('{handle}')"), "1")

    def test_handles_may_begin_with_anything(self):
        with Gmand("--job-handle-prefix", "J-") as other, database(other.address) as server:
            handle = server.sql("SELECT gman_do_background('f', 'w')")
            self.assertRegex(handle, "^J-")
            self.assertTrue(json.loads(server.sql(f"SELECT gman_job_status('{handle}')"))["known"])
            self.assertEqual(server.sql(f"SELECT gman_cancel('{handle}')"), "1")
            self.assertEqual(self.status_at(server, handle), {"known": False})

    def test_a_silent_server_hides_no_job_of_another_whatever_its_name_looks_like(self):
        with Gmand("--job-handle-prefix", "J-") as other, \
                database(f"{dead_address()},{other.address}") as server:
            with wire.Peer(other.address) as client:
                handle = client.submit("f", unique="H:unique", kind=wire.SUBMIT_JOB_BG).decode()
            for name in (handle, "H:unique"):
                self.assertEqual(self.status_at(server, name)["server"], other.address)

    def test_a_server_that_knows_no_uniques_can_be_asked_for_a_handle(self):
        def old(connection):
            while True:
                kind, args = read_job(connection)
                if kind == wire.GET_STATUS:
                    respond(connection, wire.STATUS_RES, *args, "0", "0", "0", "0")
                else:
                    respond(connection, wire.ERROR, "unknown", "command")

        with ScriptedServer(old) as jobs, database(jobs.address) as server:
            self.assertEqual(self.status_at(server, "H:old:1"), {"known": False})
            with self.assertRaisesRegex(SqlError, "1644.*unknown"):
                self.status_at(server, "its unique")

    @staticmethod
    def status_at(server, name):
        return json.loads(server.sql(f"SELECT gman_job_status('{name}')"))

    def test_the_deadline_is_that_of_the_whole_question(self):
        with contextlib.ExitStack() as stack:
            silent = [stack.enter_context(ScriptedServer(read_until_closed)) for _ in range(4)]
            server = stack.enter_context(database(config=f"""
                servers = "{','.join(one.address for one in silent)}"
                deadline_ms = 700
                connect_timeout_ms = 600000
                answer_timeout_ms = 600000"""))
            began = time.monotonic()
            with self.assertRaisesRegex(SqlError, "1644.*deadline"):
                server.sql("SELECT gman_job_status('H:x:1')")
            self.assertLess(time.monotonic() - began, 2 * 0.7)

    def test_a_server_that_does_not_answer_is_an_error_unless_another_knows_the_job(self):
        with database(f"{dead_address()},{self.gmand.address}") as server:
            handle = self.sql("SELECT gman_do_background('half', 'w')")
            self.assertTrue(json.loads(server.sql(f"SELECT gman_job_status('{handle}')"))["known"])
            for call in ("gman_job_status('H:nobody:1')", "gman_cancel('H:nobody:1')"):
                with self.assertRaisesRegex(SqlError, "1644"):
                    server.sql(f"SELECT {call}")
        with database() as server, self.assertRaisesRegex(SqlError, "1644.*configured"):
            server.sql("SELECT gman_job_status('H:x:1')")

    def test_what_is_no_handle_is_not_cancelled(self):
        for wrong in ("H:a b", "H:a\nshutdown", "", "H:é"):
            with self.subTest(wrong=wrong):
                self.fails(f"SELECT gman_cancel('{wrong}')", "1644", "gman_cancel", "handle")
        self.fails("SELECT gman_cancel()", "one or two arguments")
        self.fails("SELECT gman_job_status('a', 'b', 'c')", "one or two arguments")


if __name__ == "__main__":
    unittest.main()
