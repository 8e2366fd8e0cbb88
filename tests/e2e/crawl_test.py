# SPDX-License-Identifier: BSD-3-Clause
"""From a row in a table to a search result, on a small site of odd pages, through both databases.

Each test has a table, an index and workers of its own; gmand and the database servers are shared.
"""
import contextlib
import itertools
import pathlib
import signal
import tempfile
import threading
import unittest

from crawl import MariadbCrawl, PostgresCrawl, Workers
from gmand import Gmand
from mariadb import PrivateMariaDB
from patience import wait_until
from postgres import PrivatePostgres
from website import Answer, OddSite

FETCH_TIMEOUT_MS = 2000  # a page of 10 MB must come through on a busy machine
NUMBERS = itertools.count(1)  # a database for each test


class CrawlTests:
    """What holds with either database; the two classes below say which."""

    @classmethod
    def setUpClass(cls):
        with contextlib.ExitStack() as stack:
            cls.gmand = stack.enter_context(Gmand())
            cls.server = stack.enter_context(cls.new_server(cls.gmand.address))
            cls.addClassCleanup(stack.pop_all().close)

    def setUp(self):
        self.site = self.enterContext(OddSite())
        directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="gman-n-")))
        self.crawl = self.Crawl(self.server, f"crawl_{next(NUMBERS)}")
        self.crawl.create()
        self.workers = self.enterContext(Workers(
            self.gmand.address, self.crawl.dsn, directory, "--site", self.site.url,
            "--fetch-timeout-ms", FETCH_TIMEOUT_MS))

    def crawl_from(self, *targets):
        for target in targets:
            self.crawl.insert(self.site.url + target.lstrip("/"))
        self.workers.wait_until_at_rest(self.gmand)

    def statuses(self):
        """target -> (status, reason, depth)."""
        start = len(self.site.url) - 1
        return {url[start:]: found for url, found in self.crawl.statuses().items()}

    def targets_found(self, words):
        return [url[len(self.site.url) - 1:] for _, _, url, _ in self.crawl.search(words)]

    def assert_all_as_expected(self):
        found = self.statuses()
        self.assertEqual(sorted(found), sorted(OddSite.expected))
        for target, (status, reason) in OddSite.expected.items():
            with self.subTest(target=target):
                self.assertEqual(found[target][0], status, found[target])
                self.assertEqual(found[target][1][:len(reason)] if reason else found[target][1],
                                 reason or "")

    def test_every_odd_page_ends_as_it_should_and_the_counts_add_up(self):
        self.workers.start_all()
        self.crawl_from("/index.html")
        self.assert_all_as_expected()
        ends = [status for status, _ in OddSite.expected.values()]
        counts = self.crawl.counts()
        self.assertEqual(counts["seen"], len(ends))
        self.assertEqual(counts["waiting"], 0)
        for end in ("indexed", "failed", "skipped"):
            self.assertEqual(counts[end], ends.count(end), end)
        self.assertEqual(counts["fetched"], ends.count("indexed") + 1)  # and the hidden page
        self.assertEqual(counts["links_off_site"], 1)
        self.assertEqual(counts["links_forbidden"], 1)
        self.assertNotIn("/forbidden/secret.html", self.site.requests)
        self.assertNotIn("/too-deep.html", self.site.requests)

        with self.subTest("searches from SQL find what is there"):
            self.assertEqual(self.targets_found("wombat")[:1], ["/plain.html"])
            self.assertEqual(sorted(self.targets_found("platypus")),
                             ["/index.html", "/plain.html", "/plain.html?"])
            self.assertEqual(self.targets_found("brulee flambee"), ["/latin1.html"])
            self.assertEqual(self.targets_found("kookaburra"), ["/badbytes.html"])
            self.assertEqual(self.targets_found("ornithorynque"), ["/utf16.html"])
            self.assertEqual(self.targets_found("quokka"), ["/target.html"])
            self.assertEqual(self.targets_found("bilby"), ["/behind.html"])
            self.assertEqual(self.targets_found("numbat"), [], "noindex")
            self.assertEqual(self.targets_found("nosuchword"), [])
            self.assertEqual(self.targets_found('"quokka ( * :'), ["/target.html"])
        with self.subTest("a hit has rank, title, URL and snippet"):
            self.assertEqual(self.crawl.search("flambée"),
                             [(1, "Crème brûlée", f"{self.site.url}latin1.html", "**flambée**")])

    def test_a_job_that_comes_again_changes_nothing(self):
        self.workers.start_all()
        self.crawl_from("/index.html")
        before = self.statuses()
        requests = len(self.site.requests)
        self.crawl.sql("SELECT gman_do_background('index_url', url) FROM url;")
        self.workers.wait_until_at_rest(self.gmand)
        self.assertEqual(self.statuses(), before)
        self.assertEqual(len(self.site.requests), requests)

    def test_a_row_put_back_to_queued_is_fetched_again(self):
        self.workers.start_all()
        self.crawl_from("/target.html")
        self.site.pages["/target.html"] = self.site.pages["/deep.html"]
        self.crawl.sql("UPDATE url SET status = 'queued';")
        self.workers.wait_until_at_rest(self.gmand)
        self.assertEqual(self.targets_found("quokka"), [])
        self.assertEqual(self.targets_found("axolotl"), ["/target.html"])

    def test_a_page_found_by_a_shorter_way_is_followed_further(self):
        self.workers.start_all()
        self.crawl_from("/chain-0.html")
        self.assertEqual({target: depth for target, (_, _, depth) in self.statuses().items()},
                         {"/chain-0.html": 0, "/chain-1.html": 1, "/chain-2.html": 2})
        self.crawl_from("/shortcut.html")
        self.assertEqual({target: depth for target, (_, _, depth) in self.statuses().items()},
                         {"/chain-0.html": 0, "/chain-1.html": 1, "/chain-2.html": 1,
                          "/chain-3.html": 2, "/shortcut.html": 0})
        self.assertEqual(self.crawl.counts()["indexed"], 5)

    def test_rows_that_are_no_page_of_the_site_are_skipped_or_fail(self):
        self.workers.start_all()
        for url in ("http://elsewhere.example/", "ftp://127.0.0.1/x", "no url",
                    self.site.url + "forbidden/x", self.site.url + "%74arget.html#x"):
            self.crawl.insert(url)
        self.workers.wait_until_at_rest(self.gmand)
        found = self.crawl.statuses()
        self.assertEqual(found.pop("http://elsewhere.example/"), ("skipped", "off-site", 0))
        for url in ("ftp://127.0.0.1/x", "no url"):
            status, reason, _ = found.pop(url)
            self.assertEqual((status, reason[:13]), ("failed", "not an http o"))
        self.assertEqual(found.pop(self.site.url + "forbidden/x"), ("skipped", "robots.txt", 0))
        right = self.site.url + "target.html"
        self.assertEqual(found.pop(self.site.url + "%74arget.html#x"),
                         ("skipped", f"the same page as {right}", 0))
        self.assertEqual(found.pop(right), ("indexed", "", 0))
        self.assertEqual(found, {})

    def test_a_site_that_is_down_fails_and_says_why(self):
        self.workers.start_all()
        self.site.pages["/robots.txt"] = self.site.pages["/broken.html"]
        self.crawl_from("/target.html")
        self.assertEqual(self.statuses(), {"/target.html": ("failed", "robots.txt: HTTP 503", 0)})

    def test_the_rules_at_the_beginning_of_a_robots_txt_above_the_page_limit_hold(self):
        self.workers.start_all()
        self.site.pages["/robots.txt"] = Answer(
            b"User-agent: *\nDisallow: /forbidden\n" + b"# more\n" * (9 << 17),
            content_type="text/plain")
        self.crawl_from("/target.html", "/forbidden/secret.html")
        self.assertEqual(self.statuses(), {"/target.html": ("indexed", "", 0),
                                           "/forbidden/secret.html": ("skipped", "robots.txt", 0)})

    def test_a_url_that_no_row_can_hold_is_given_up_at_once(self):
        self.workers.start_all()
        self.crawl.sql("SELECT gman_do_background('index_url', REPEAT('x', 2049));")
        self.workers.wait_until_at_rest(self.gmand)
        self.assertEqual(self.crawl.counts()["seen"], 0)
        log = self.workers.log_path("narada-fetch").read_text()
        self.assertIn("giving up", log)
        self.assertNotIn("trying again", log)

    def test_a_row_whose_job_cannot_be_sent_is_refused(self):
        with self.new_server("127.0.0.1:1") as server:
            crawl = self.Crawl(server, "no_job_server")
            crawl.create()
            with self.assertRaisesRegex(Exception, "127.0.0.1:1"):
                crawl.insert(self.site.url + "target.html")
            self.assertEqual(crawl.counts()["seen"], 0)

    def test_a_search_before_there_is_an_index_says_so_in_sql(self):
        self.workers.start("search")
        with self.assertRaisesRegex(Exception, "opening the index"):
            self.crawl.search("anything")

    def test_a_fetch_worker_killed_in_the_middle_of_a_page_loses_nothing(self):
        for part in ("insert", "index", "search"):
            self.workers.start(part)
        victim = self.workers.start("fetch", "--fetch-timeout-ms", "600000")
        self.crawl.insert(self.site.url + "hang.html")
        self.site.wait_requests(lambda requests: "/hang.html" in requests)
        self.site.pages["/hang.html"] = self.site.pages["/plain.html"]
        victim.send_signal(signal.SIGKILL)
        self.workers.start("fetch")
        self.workers.wait_until_at_rest(self.gmand)
        self.assertEqual(self.statuses()["/hang.html"], ("indexed", "", 0))
        self.assertEqual(self.crawl.sql("SELECT attempts FROM url WHERE url LIKE '%/hang.html';"),
                         "2")

    def test_a_fetch_worker_killed_in_the_middle_of_a_crawl_loses_nothing(self):
        self.workers.start_all()
        victim = self.workers.start("fetch")
        self.crawl.insert(self.site.url + "index.html")
        self.site.wait_requests(lambda requests: len(requests) >= 6)
        victim.send_signal(signal.SIGKILL)
        self.workers.wait_until_at_rest(self.gmand)
        self.assert_all_as_expected()

    def test_what_a_dead_worker_had_sent_to_the_database_changes_nothing_later(self):
        # Its statement may still be under way when its job has long been done by another.
        url = self.site.url + "target.html"
        row = f"WHERE url = '{url}'"
        victim = self.workers.start("fetch")
        self.crawl.sql(f"INSERT INTO url (url, status) VALUES ('{url}', 'fetching');")
        with self.open_transaction() as transaction:
            transaction(f"UPDATE url SET attempts = 1 {row};")
            self.crawl.sql(f"SELECT gman_do_background('index_url', '{url}');")
            wait_until(lambda: self.crawl.sessions_waiting() == 1, "it takes the row")
            victim.kill()
            victim.wait()
            transaction(f"UPDATE url SET status = 'fetched', attempts = 2 {row};")
            transaction("COMMIT;")
        wait_until(lambda: self.crawl.sessions() == 0, "nothing of it is left")
        self.assertEqual(self.crawl.sql(f"SELECT status, attempts FROM url {row};")
                         .replace("|", "\t"), "fetched\t2")
        self.workers.start_all()  # they find the job where the dead one left it
        self.workers.wait_until_at_rest(self.gmand)
        self.assertEqual(self.statuses(), {"/target.html": ("indexed", "", 0)})

    def test_a_dead_worker_does_not_end_what_another_has_taken_meanwhile(self):
        released = threading.Event()
        answer = self.site.answer

        def hold_the_page(target, agent):
            if target == "/target.html":
                released.wait(20)
            return answer(target, agent)

        self.site.answer = hold_the_page
        victim = self.workers.start("fetch", "--fetch-timeout-ms", "600000")
        self.crawl.insert(self.site.url + "target.html")
        self.site.wait_requests(lambda requests: "/target.html" in requests)
        with self.open_transaction() as transaction:
            transaction("UPDATE url SET attempts = attempts + 1;")  # the other's claim
            released.set()
            wait_until(lambda: self.crawl.sessions_waiting() == 1, "it says what it has found")
            victim.kill()
            victim.wait()
            transaction("COMMIT;")
        wait_until(lambda: self.crawl.sessions() == 0, "nothing of it is left")
        self.assertEqual(self.crawl.sql("SELECT status FROM url;"), "fetching")
        self.workers.start_all()
        self.workers.wait_until_at_rest(self.gmand)
        self.assertEqual(self.statuses(), {"/target.html": ("indexed", "", 0)})

    def test_a_job_waits_for_the_transaction_that_inserts_its_row(self):
        self.workers.start_all()
        url = self.site.url + "target.html"
        with self.open_transaction() as transaction:
            transaction(self.crawl.insert_sql(url))
            self.gmand.wait_admin("status", lambda status: "index_url\t1\t1" in status)
            self.assertEqual(self.crawl.counts()["seen"], 0)
            transaction("COMMIT;")
        self.workers.wait_until_at_rest(self.gmand)
        self.assertEqual(self.statuses(), {"/target.html": ("indexed", "", 0)})

    def test_a_job_waits_for_the_transaction_that_puts_its_row_back_to_queued(self):
        self.workers.start_all()
        self.crawl_from("/target.html")
        self.site.pages["/target.html"] = self.site.pages["/deep.html"]
        with self.open_transaction() as transaction:
            transaction("UPDATE url SET status = 'queued';")
            wait_until(lambda: self.crawl.sessions_waiting() == 1, "the worker waits for the row")
            transaction("COMMIT;")
        self.workers.wait_until_at_rest(self.gmand)
        self.assertEqual(self.targets_found("axolotl"), ["/target.html"])


class PostgresCrawlTest(CrawlTests, unittest.TestCase):
    Crawl = PostgresCrawl

    @staticmethod
    def new_server(servers):
        return PrivatePostgres(servers=servers)

    @contextlib.contextmanager
    def open_transaction(self):
        with self.server.session(database=self.crawl.database) as session:
            session.run("BEGIN;")
            yield session.run


class MariadbCrawlTest(CrawlTests, unittest.TestCase):
    Crawl = MariadbCrawl

    @staticmethod
    def new_server(servers):
        return PrivateMariaDB(env={"GMAN_SERVERS": servers})

    @contextlib.contextmanager
    def open_transaction(self):
        client = self.server.popen_sql(database=self.crawl.database)

        def run(text):
            client.stdin.write(f"{text}\nSELECT 'done';\n".encode())
            client.stdin.flush()
            while client.stdout.readline().strip() != b"done":
                if client.poll() is not None:
                    raise AssertionError(client.stderr.read().decode())

        try:
            run("BEGIN;")
            yield run
        finally:
            client.communicate()


if __name__ == "__main__":
    unittest.main(verbosity=2)
