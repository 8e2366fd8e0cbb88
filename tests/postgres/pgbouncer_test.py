# SPDX-License-Identifier: BSD-3-Clause
"""Behind pgbouncer in transaction mode: clients share one backend, a transaction at a time."""
import unittest

from fixture import ExtensionCase
from pgbouncer import PgBouncer

JOB = "SELECT count(gman_do_background('note', '{}', NULL, '{{\"delivery\": \"commit\"}}'))"


class TransactionMode(ExtensionCase):
    schema = "CREATE TABLE page (url text)"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bouncer = cls.enterClassContext(
            PgBouncer(cls.postgres, pool_mode="transaction", pool_size=1))

    def clients(self):
        """Two that share one backend."""
        clients = [self.enterContext(self.bouncer.session()) for _ in range(2)]
        pids = {client.run("SELECT pg_backend_pid()") for client in clients}
        self.assertEqual(len(pids), 1)
        return clients

    def test_clients_call_in_turn(self):
        for client, word in zip(self.clients(), ("one", "two")):
            self.assertEqual(client.run(f"SELECT gman_do('reverse', '{word}')"), word[::-1])

    def test_a_transactions_jobs_are_its_own(self):
        keeps, gives_up = self.clients()
        for client, end in ((gives_up, "ROLLBACK"), (keeps, "COMMIT"), (gives_up, "ROLLBACK")):
            client.run("BEGIN")
            self.assertEqual(client.run(JOB.format(end)), "1")
            client.run(end)
        self.assertEqual(keeps.run("SELECT gman_do('note', '?')"), "COMMIT")

    def test_set_local_ends_with_its_transaction(self):
        uses, other = self.clients()
        uses.run("BEGIN")
        uses.run("SET LOCAL gman.enabled = off")
        self.assertEqual(uses.run("SHOW gman.enabled"), "off")
        uses.run("COMMIT")
        self.assertEqual(other.run("SHOW gman.enabled"), "on")


if __name__ == "__main__":
    unittest.main()
