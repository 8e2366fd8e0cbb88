# SPDX-License-Identifier: BSD-3-Clause
"""Errors of PostgreSQL's own while a transaction with jobs commits. Before the commit each aborts
it; after it an error would be a PANIC, so each is a warning, and the jobs are counted as failed."""
import unittest

from faults import FaultyCase
from lying_server import PONG, LyingServer, answers

WAITS_MAX = 100
ADD_ROW = "INSERT INTO page VALUES ('x')"
ADD_JOB = "SELECT count(gman_do_background({}, 'x', NULL, '{{\"delivery\": \"commit\"}}'))"


class CommitErrors(FaultyCase):
    schema = "CREATE TABLE page (url text)"
    settings = {"gman.commit_budget": "10s"}

    def setUp(self):
        self.session = self.enterContext(self.postgres.session())
        # A PANIC takes all sessions with it.
        self.bystander = self.enterContext(self.postgres.session())

    def begin(self, function="'note'"):
        for statement in ("TRUNCATE page", "BEGIN", ADD_ROW):
            self.assertEqual(self.session.run(statement), "")
        self.assertEqual(self.session.run(ADD_JOB.format(function)), "1")

    def rows(self):
        return self.bystander.run("SELECT count(*) FROM page")

    def counters(self):
        answer = self.session.run("SELECT sent, failed, dropped FROM gman_deliveries "
                                  "WHERE delivery = 'commit'")
        return tuple(int(number) for number in answer.split("|"))

    def commit_with_broken_wait(self, number):
        """What COMMIT said, and what it added to the counters. The session goes on in any case."""
        before = self.counters()
        self.begin()
        self.faults.fail_wait(number, self.session.pid)
        said = self.session.run("COMMIT")
        has_failed = self.faults.has_failed_wait()
        self.faults.fail_wait(0, 0)
        self.assertEqual(self.session.run("SELECT gman_do('reverse', 'next')"), "txen")
        counted = tuple(now - then for now, then in zip(self.counters(), before))
        return said, counted, has_failed

    def test_a_wait_that_fails_aborts_before_the_commit_and_warns_after_it(self):
        seen = set()
        for number in range(1, WAITS_MAX):
            said, counted, has_failed = self.commit_with_broken_wait(number)
            if said == "":
                self.assertEqual((self.rows(), counted), ("1", (1, 0, 0)), number)
                seen.add("sent")
            elif "ERROR:  " in said:
                self.assertIn("epoll_wait() failed: Bad file descriptor", said)
                self.assertEqual((self.rows(), counted), ("0", (0, 0, 1)), number)
                seen.add("aborted")
            else:
                self.assertIn("WARNING:  01000: 1 of 1 jobs of this transaction were not sent, or "
                              "their fate is unknown: epoll_wait() failed: Bad file descriptor",
                              said)
                self.assertIn("DETAIL:  The transaction is committed.", said)
                self.assertEqual((self.rows(), counted), ("1", (0, 1, 0)), number)
                seen.add("warned")
            if not has_failed:
                break
        else:
            self.fail("it waits without end")
        self.assertEqual(seen, {"sent", "aborted", "warned"})
        self.assertEqual(self.bystander.run("SELECT 'still here'"), "still here")

    def test_a_warning_that_the_client_cannot_be_told_is_another_warning(self):
        """Its encoding lacks a letter of the function's name."""
        before = self.counters()
        self.session.run("SET client_encoding = LATIN1")
        with LyingServer(answers(PONG)) as liar:
            self.session.run(f"SELECT gman_servers_set('{liar.address}')")
            self.session.run("SET gman.commit_budget = '500ms'")
            self.begin(function="chr(1080)")
            said = self.session.run("COMMIT")
        self.assertIn("WARNING:  01000: jobs of this transaction were not sent, or their fate is "
                      "unknown, and why cannot be told", said)
        self.assertIn("DETAIL:  The transaction is committed.", said)
        self.assertEqual(self.rows(), "1")
        sent, failed, dropped = before
        self.assertEqual(self.counters(), (sent, failed + 1, dropped))
        self.session.run(f"SELECT gman_servers_set('{self.gmand.address}')")
        self.assertEqual(self.session.run("SELECT gman_do('reverse', 'next')"), "txen")
        self.assertEqual(self.bystander.run("SELECT 'still here'"), "still here")


if __name__ == "__main__":
    unittest.main()
