#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The whole path, running: a row in a table, a trigger, a job, a crawl, an index, a search in SQL.

Usage: tools/demo.py [--stay]        (tools/dev demo builds what it needs first)

Starts a private PostgreSQL, a private MariaDB, a gmand and a web site with the PostgreSQL manual;
crawls the manual through each database; searches it from SQL; and ends all of them. Fails when a
page is missing, when the counts do not add up, or when a crawl takes longer than a minute.
"""
import argparse
import contextlib
import pathlib
import re
import shlex
import signal
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "tools" / "demo")]

from crawl import BUILD_DIR, MariadbCrawl, PostgresCrawl, Workers, queue_depth  # noqa: E402
from gmand import Gmand  # noqa: E402
from mariadb import PrivateMariaDB  # noqa: E402
from postgres import PrivatePostgres  # noqa: E402
from screen import Screen  # noqa: E402
from website import StaticSite  # noqa: E402

MANUAL = pathlib.Path("/usr/share/doc/postgresql-doc-15/html")
PROGRAMS = ("gmand", "gman", "narada-insert", "narada-fetch", "narada-index", "narada-search")
DEPTH = 2
CRAWL_SECONDS_MAX = 60
SEARCHES = {"PostgreSQL": ["vacuum freeze", "\"logical replication\" conflict"],
            "MariaDB": ["partial index where clause"]}
HITS_SHOWN = 3
REVERSE = ["perl", "-0777", "-ne", "print scalar reverse"]


class DemoFailed(Exception):
    pass


class Demo:
    def __init__(self, screen, stack):
        self.screen = screen
        self.stack = stack
        self.doing = "looking for what the demo needs"
        self.logs = {}  # name -> a function that returns a log's end
        self.summary = [("", "rows seen", "pages fetched", "pages indexed", "failed", "skipped",
                         "links off the site, not followed", "links robots.txt forbids",
                         "seconds", "pages a second")]

    def run(self, stay):
        self.screen.say("From a row in a table to a search result, with gman, in about 20 seconds.")
        self.look_for_needs()
        self.start_servers()
        self.install()
        self.reverse()
        workers = None
        for crawl in self.crawls:
            if workers is not None:
                workers.stop()
            workers = self.crawl(crawl)
        self.step("What was done")
        self.screen.table(list(zip(*self.summary)))
        if stay:
            self.stay(workers)

    def step(self, title):
        self.doing = title
        self.screen.step(title)

    def look_for_needs(self):
        missing = [name for name in PROGRAMS if not (BUILD_DIR / "bin" / name).exists()]
        if missing:
            raise DemoFailed(f"not built: {', '.join(missing)}. Run tools/dev build.")
        if not (MANUAL / "index.html").exists():
            raise DemoFailed(f"no {MANUAL}: install Debian's package postgresql-doc-15")
        self.pages = reachable_pages(MANUAL, "index.html", DEPTH)

    def start_servers(self):
        self.step("Servers of our own: nothing of this machine's is touched")
        enter = self.stack.enter_context
        self.directory = pathlib.Path(enter(tempfile.TemporaryDirectory(prefix="gman-demo-")))
        gmand = self.gmand = enter(Gmand())
        self.logs["gmand"] = gmand.log
        self.screen.say(f"gmand        {gmand.address}  unix:{gmand.unix_socket}")

        postgres = enter(PrivatePostgres(servers=gmand.address))
        self.logs["PostgreSQL"] = postgres.log
        version = postgres.sql("SHOW server_version").split()[0]
        self.screen.say(f"PostgreSQL   {version}  {postgres.socket_dir}")

        mariadb = enter(PrivateMariaDB(env={"GMAN_SERVERS": gmand.address}))
        self.logs["MariaDB"] = mariadb.log
        version = mariadb.sql("SELECT VERSION()").split("-")[0]
        self.screen.say(f"MariaDB      {version}  {mariadb.socket}")

        self.site = enter(StaticSite(MANUAL))
        self.screen.say(f"Web site     {self.site.url}  the PostgreSQL manual: {len(self.pages):,} "
                        "pages within two links of index.html")
        self.crawls = [PostgresCrawl(postgres, "demo"), MariadbCrawl(mariadb, "demo")]

    def install(self):
        for crawl in self.crawls:
            self.step(f"{crawl.name} learns to send jobs")
            crawl.server.sql(f"CREATE DATABASE {crawl.database}")
            for statement in crawl.install_gman():
                self.screen.command(f"{crawl.name}>", statement)

    def reverse(self):
        self.step("A worker that is any program, called from SQL")
        words = [BUILD_DIR / "bin" / "gman", "worker", "-s", self.gmand.address, "reverse", "--",
                 *REVERSE]
        workers = self.stack.enter_context(Workers(self.gmand.address, None, self.directory))
        self.show(words)
        workers.run("reverse", words)
        self.logs["worker"] = workers.log_tails
        for crawl in self.crawls:
            statement = "SELECT gman_do('reverse', 'Hello');"
            self.screen.command(f"{crawl.name}>", statement)
            answer = crawl.sql(statement)
            self.screen.result(answer)
            if answer != "olleH":
                raise DemoFailed(f"{crawl.name} answered {answer!r}, not 'olleH'")

    def crawl(self, crawl):
        """Crawls the site through one database; returns the workers, which still run."""
        self.step(f"{crawl.name}: a row appears, and the site gets crawled")
        crawl.install_table()
        self.screen.say(f"Table, triggers and view: examples/narada/sql/{crawl.schema}")
        directory = self.directory / crawl.name
        directory.mkdir()
        workers = self.stack.enter_context(Workers(
            self.gmand.address, crawl.dsn, directory, "--site", self.site.url, "--depth", DEPTH))
        self.logs["worker"] = workers.log_tails
        for process in workers.start_all():
            self.show(process.args)
        insert = crawl.insert_sql(f"{self.site.url}index.html")
        self.screen.command(f"{crawl.name}>", insert)
        seconds = self.watch(crawl, workers, insert)
        self.check(crawl, seconds)
        for words in SEARCHES[crawl.name]:
            self.search(crawl, words)
        return workers

    def watch(self, crawl, workers, insert):
        """Inserts the first row and shows how the crawl goes; how long it took."""
        begin = time.monotonic()
        crawl.sql(insert)
        next_look = 0.0
        while True:
            depth = queue_depth(self.gmand.admin("status"))
            seconds = time.monotonic() - begin
            if depth == 0:
                counts = crawl.counts()
                self.screen.progress_done(progress_text(counts, depth, seconds))
                return seconds
            if seconds > next_look:
                self.screen.progress(progress_text(crawl.counts(), depth, seconds))
                next_look = seconds + self.screen.progress_seconds
            if workers.ended():
                raise DemoFailed(f"ended by itself: {', '.join(workers.ended())}")
            if seconds > CRAWL_SECONDS_MAX:
                raise DemoFailed(f"the crawl takes longer than {CRAWL_SECONDS_MAX} s")
            time.sleep(0.02)

    def check(self, crawl, seconds):
        counts = crawl.counts()
        numbers = [counts[name] for name in ("seen", "fetched", "indexed", "failed", "skipped",
                                             "links_off_site", "links_forbidden")]
        self.summary.append((crawl.name, *(f"{number:,}" for number in numbers),
                             f"{seconds:.1f}", f"{counts['indexed'] / seconds:.0f}"))
        ended = counts["indexed"] + counts["failed"] + counts["skipped"]
        if counts["seen"] != ended:
            raise DemoFailed(f"the counts do not add up: {counts['seen']} rows seen, {ended} ended")
        # Every page of this site is HTML with words in it: what was fetched is indexed.
        if counts["fetched"] != counts["indexed"]:
            raise DemoFailed(f"the counts do not add up: {counts['fetched']} pages fetched,"
                             f" {counts['indexed']} indexed")
        statuses = crawl.statuses()
        missed = {page for page in self.pages
                  if statuses.get(self.site.url + page, ("missing",))[0] != "indexed"}
        if missed:
            raise DemoFailed(f"{len(missed)} pages were missed, for example "
                             + ", ".join(sorted(missed)[:5]))

    def search(self, crawl, words):
        self.step(f"{crawl.name}: search for {words}")
        statement = crawl.search_sql(words, HITS_SHOWN)
        self.screen.command(f"{crawl.name}>", statement)
        hits = [(int(rank), *rest) for rank, *rest in crawl.rows(statement)]
        if not hits:
            raise DemoFailed(f"nothing was found for {words!r}")
        for hit in hits:
            self.screen.hit(*hit)

    def stay(self, mariadb_workers):
        """Keeps everything up. Jobs do not say whose row they are about, so each database gets a
        gmand and workers of its own."""
        postgres, mariadb = self.crawls
        second = self.stack.enter_context(Gmand())
        postgres.server.sql(f"ALTER SYSTEM SET gman.servers = '{second.address}'")
        postgres.server.sql("SELECT pg_reload_conf()")
        workers = self.stack.enter_context(Workers(
            second.address, postgres.dsn, self.directory / postgres.name, "--site", self.site.url,
            "--depth", DEPTH))
        workers.start_all()
        self.step("Everything stays up. Look around, from another terminal:")
        self.screen.say("Each database has a job server and workers of its own now.")
        gman = BUILD_DIR / "bin" / "gman"
        for crawl, gmand, its in ((postgres, second, workers),
                                  (mariadb, self.gmand, mariadb_workers)):
            self.screen.say(f"\n{crawl.name}, its job server and its workers' logs:")
            self.screen.command("$", crawl.client_command)
            self.screen.command("$", f"{gman} status -s {gmand.address}")
            self.screen.command("$", f"{gman} workers -s {gmand.address}")
            self.screen.command("$", f"tail -f {its.directory}/*.log")
            self.screen.command(f"{crawl.name}>", "SELECT * FROM crawl;")
            self.screen.command(f"{crawl.name}>", crawl.search_sql("your words"))
            self.screen.command(f"{crawl.name}>", "UPDATE url SET status = 'queued';")
        self.screen.say("\nThe last one crawls everything again. "
                        + ("Enter or Ctrl-C ends it all." if sys.stdin.isatty()
                           else "Ctrl-C or SIGTERM ends it all."))
        with contextlib.suppress(KeyboardInterrupt):
            if sys.stdin.isatty():
                sys.stdin.readline()
            else:
                signal.pause()

    def show(self, words):
        self.screen.command("$", shlex.join(
            str(word).removeprefix(f"{BUILD_DIR}/bin/") for word in words))

    def show_failure(self, error):
        kind = "" if isinstance(error, DemoFailed) else f"{type(error).__name__}: "
        self.screen.warn(f"\nThe demo failed at: {self.doing}\n{kind}{error}")
        for name, log in self.logs.items():
            with contextlib.suppress(Exception):
                self.screen.say(f"\nThe end of {name}'s log:\n{log()[-2000:]}")


def reachable_pages(directory, start, depth):
    """Names of the pages that are at most `depth` links away, found without any code of gman."""
    found = {start}
    ring = {start}
    for _ in range(depth):
        links = {link for page in ring
                 for link in re.findall(r'<a\s[^>]*?href="([^"#:]+)',
                                        (directory / page).read_text(encoding="utf-8"))}
        ring = {link for link in links if (directory / link).is_file()} - found
        found |= ring
    return found


def progress_text(counts, depth, seconds):
    rate = counts["indexed"] / seconds if seconds > 0 else 0
    return (f"{counts['fetched']:,} fetched   {counts['indexed']:,} indexed   "
            f"{depth:,} jobs queued or running   {rate:,.0f} pages/s   {seconds:.1f} s")


def end_quietly(number, _):
    raise SystemExit(128 + number)


def main():
    about = __doc__.split("\n\n")
    parser = argparse.ArgumentParser(prog="tools/dev demo", description=f"{about[0]}\n\n{about[2]}",
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stay", action="store_true",
                        help="keep everything running when it is done, and say how to look around")
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end_quietly)

    screen = Screen()
    try:
        with contextlib.ExitStack() as stack:
            demo = Demo(screen, stack)
            try:
                demo.run(options.stay)
            except BrokenPipeError:  # nobody reads on: `tools/dev demo | head`
                return 128 + signal.SIGPIPE
            except Exception as error:  # whatever it is, the logs say more
                demo.show_failure(error)
                return 1
            finally:
                # From here on servers are being ended, which nothing may interrupt.
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                    signal.signal(number, signal.SIG_IGN)
    except KeyboardInterrupt:
        screen.say("\nInterrupted. All servers have ended.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
