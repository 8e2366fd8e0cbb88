# SPDX-License-Identifier: BSD-3-Clause
"""C++ runs out of memory at every allocation that a call makes, one after the other: each time the
call is an SQL error, or done, and the same backend's next call works. An exception that came out of
C++, or an error of PostgreSQL's that jumped over it, would end the whole cluster."""
import unittest

from faults import FaultyCase

ALLOCATIONS_MAX = 3000


def background(delivery):
    return ("SELECT count(gman_do_background('noted', 'w', NULL, "
            f"'{{\"delivery\": \"{delivery}\"}}'))")


class MemoryRunsOut(FaultyCase):
    schema = ("SELECT gman_outbox_install(); CREATE TABLE page (id int PRIMARY KEY, url text);"
              "SELECT gman_watch('page', 'noted', 'url')")

    def setUp(self):
        self.session = self.enterContext(self.postgres.session())

    def run_at_every_allocation(self, *statements):
        """How often it failed. The session's connection was there before, and is there again."""
        failures = 0
        for number in range(1, ALLOCATIONS_MAX):
            self.session.run("SELECT gman_ping()")
            self.faults.fail_allocation(number)
            said = [self.session.run(statement) for statement in statements]
            has_failed = self.faults.has_failed_allocation()
            self.faults.fail_allocation(0)
            wrong = [line for line in "\n".join(said).splitlines()
                     if line.startswith(("FATAL", "PANIC")) or "server closed" in line]
            self.assertEqual(wrong, [], number)
            self.assertEqual(self.session.run("SELECT gman_do('reverse', 'next')"), "txen", number)
            if not has_failed:
                return failures
            failures += any("ERROR:  " in one or "WARNING:  " in one for one in said)
        self.fail("it allocates without end")

    def test_every_call_survives_it(self):
        for call in ("SELECT gman_do('reverse', 'Hello')", "SELECT gman_do('throw', 'why')",
                     "SELECT * FROM gman_do_many('reverse', ARRAY['a', 'b'])",
                     "SELECT gman_sum('size', w) FROM unnest(ARRAY['a', 'b']) AS w",
                     background("immediate"), background("outbox"), "SELECT gman_ping()",
                     "SELECT * FROM gman_servers()", "SELECT * FROM gman_functions()",
                     "SELECT * FROM gman_workers()", "SELECT gman_job_status('unique')",
                     "SELECT gman_cancel('H:nobody:1')",
                     f"SELECT gman_servers_set('{self.gmand.address}')"):
            with self.subTest(call):
                failures = self.run_at_every_allocation(call)
                print(f"{call}: {failures} errors", flush=True)
        self.assertEqual(self.postgres.sql("SELECT 1"), "1")

    def test_a_transaction_survives_it_and_so_does_its_commit(self):
        failures = self.run_at_every_allocation("BEGIN", background("commit"), "COMMIT", "ROLLBACK")
        self.assertGreater(failures, 0)

    def test_a_trigger_survives_it(self):
        self.run_at_every_allocation("DELETE FROM page", "INSERT INTO page VALUES (1, 'a')")

    def test_the_first_call_of_a_backend_survives_it(self):
        for number in range(1, ALLOCATIONS_MAX):
            with self.postgres.session() as session:
                self.faults.fail_allocation(number)
                said = session.run("SELECT gman_do('reverse', 'Hello')")
                has_failed = self.faults.has_failed_allocation()
                self.faults.fail_allocation(0)
                self.assertRegex(said, "^(olleH$|ERROR:  53[02]00: )", number)
                self.assertEqual(session.run("SELECT gman_do('reverse', 'next')"), "txen")
            if not has_failed:
                return
        self.fail("it allocates without end")


if __name__ == "__main__":
    unittest.main()
