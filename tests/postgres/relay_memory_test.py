# SPDX-License-Identifier: BSD-3-Clause
"""The relay inside of the server runs out of memory at every allocation of its C++, one after the
other, from its beginning to its end: each time its process says so and ends, the cluster stays up,
the row is still in the outbox or is at the job server, and another process goes on."""
import unittest

from faults import Faults
from gmand import Gmand
from patience import wait_until
from relay_database import Database, jobs_of

ALLOCATIONS_MAX = 3000


class MemoryRunsOut(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.gmand = cls.enterClassContext(Gmand())
        cls.faults = cls.enterClassContext(Faults())
        cls.database = cls.enterClassContext(
            Database(cls.gmand.address, environment=cls.faults.environment))
        cls.database.sql("CREATE EXTENSION gman; SELECT gman_outbox_install()")

    def setUp(self):
        # A process that crashes takes all sessions with it.
        self.bystander = self.enterContext(self.database.session())

    def reports(self):
        log = self.database.log()
        return (log.count("ERROR:  gman relay of postgres has failed: ") +
                log.count("ERROR:  gman relay of postgres could not begin: "))

    def let_ship(self, databases):
        """In the session that is there: some hundred new ones would take their time."""
        self.bystander.run(f"ALTER SYSTEM SET gman.relay_databases = '{databases}'")
        self.bystander.run("SELECT pg_reload_conf()")

    def end_worker(self):
        self.let_ship("")
        wait_until(lambda: self.bystander.run("SELECT count(*) FROM gman_relays()") == "0",
                   "the worker has ended")

    def ship_one_row(self, number):
        """By a worker that does not get the allocation of this number. Whether it made so many."""
        reports = self.reports()
        self.bystander.run(f"SELECT gman.enqueue('f', '{number}')")
        self.faults.fail_allocation(number)
        self.let_ship("postgres")
        wait_until(lambda: self.reports() > reports or
                   self.bystander.run("SELECT count(*) FROM gman.outbox") == "0",
                   f"allocation {number} has failed, or the row is shipped")
        self.end_worker()
        has_failed = self.faults.has_failed_allocation()
        self.faults.fail_allocation(0)
        left = self.bystander.run(
            "DELETE FROM gman.outbox RETURNING convert_from(workload, 'UTF8')").splitlines()
        self.assertEqual(set(left + jobs_of(self.gmand)), {str(number)})
        if has_failed and self.reports() == reports:
            # Of another process, whose check hook lets pass what it has no memory to look at.
            self.assertEqual(left, [])
        return has_failed

    def test_each_time_it_says_so_and_no_row_is_lost(self):
        for servers in (self.gmand.address, f"localhost:{self.gmand.port}"):
            with self.subTest(servers):
                self.database.set("gman.relay_servers", servers)
                reports, number = self.reports(), 1
                while self.ship_one_row(number):
                    number += 1
                    self.assertLess(number, ALLOCATIONS_MAX, "it allocates without end")
                reports = self.reports() - reports
                print(f"{servers}: {reports} errors at {number - 1} allocations", flush=True)
                self.assertGreater(reports, 0.7 * number)
        self.assertEqual(self.bystander.run("SELECT 'still here'"), "still here")

    def test_another_worker_goes_on(self):
        self.addCleanup(self.end_worker)
        self.let_ship("postgres")
        pid = self.database.wait_running()
        reports = self.reports()
        self.faults.fail_allocation(1)
        self.database.enqueue("one")
        wait_until(lambda: self.reports() > reports, "the worker has failed")
        self.database.enqueue("two")
        self.database.wait_running(other_than=pid)
        # In place of the lease's minute.
        self.database.sql("UPDATE gman.outbox SET run_at = now(), lease_until = NULL")
        self.database.wait_empty()
        self.assertEqual(sorted(jobs_of(self.gmand)), ["one", "two"])


if __name__ == "__main__":
    unittest.main()
