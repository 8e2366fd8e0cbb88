# SPDX-License-Identifier: BSD-3-Clause
"""Narada around a private database: its table, its workers, and a look at how far the crawl is.

    with Gmand() as gmand, PrivatePostgres(servers=gmand.address) as server:
        crawl = PostgresCrawl(server, "crawl")
        crawl.create()
        with Workers(gmand.address, crawl.dsn, directory, "--site", site.url) as workers:
            workers.start_all()
            crawl.insert(site.url + "index.html")
            workers.wait_until_at_rest(gmand)
            print(crawl.counts(), crawl.search("vacuum freeze"))
"""
import csv
import io
import os
import pathlib
import re
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD_DIR = pathlib.Path(os.environ.get("GMAN_BUILD_DIR", ROOT / "build" / "release"))
SCHEMAS = ROOT / "examples" / "narada" / "sql"
INSTALL_MARIADB = ROOT / "sql" / "mariadb" / "install.sql"
FUNCTIONS = ("index_url", "insert_links", "index_page")
COUNTS = ("seen", "waiting", "fetched", "indexed", "failed", "skipped", "links_off_site",
          "links_forbidden")
STOP_SECONDS = 30


class Crawl:
    """Narada's table, in a database of its own on a private server."""

    def __init__(self, server, database):
        self.server = server
        self.database = database

    def create(self):
        """The database, gman in it, and the table."""
        self.server.sql(f"CREATE DATABASE {self.database}")
        self.install_gman()
        self.install_table()

    def install_table(self):
        self.sql((SCHEMAS / self.schema).read_text())

    def sql(self, text):
        return self.server.sql(text, database=self.database)

    def insert_sql(self, url):
        return f"INSERT INTO url (url) VALUES ({quoted(url)});"

    def insert(self, url):
        self.sql(self.insert_sql(url))

    def counts(self):
        """The view `crawl`: name -> number. All zero before the first row."""
        columns = ", ".join(f"COALESCE({name}, 0)" for name in COUNTS)
        return dict(zip(COUNTS, map(int, self.rows(f"SELECT {columns} FROM crawl;")[0])))

    def statuses(self):
        """url -> (status, reason or "", depth)."""
        query = "SELECT url, status, COALESCE(reason, ''), depth FROM url;"
        return {url: (status, reason, int(depth))
                for url, status, reason, depth in self.rows(query)}

    def search(self, words, limit=10):
        """(rank, title, url, snippet), best first."""
        return [(int(rank), *rest) for rank, *rest in self.rows(self.search_sql(words, limit))]


class PostgresCrawl(Crawl):
    name = "PostgreSQL"
    schema = "postgres.sql"

    @property
    def dsn(self):
        return (f"postgresql:///{self.database}?host={self.server.socket_dir}"
                f"&port={self.server.port}&user=postgres")

    @property
    def client_command(self):
        return (f"psql -h {self.server.socket_dir} -p {self.server.port} -U postgres "
                f"{self.database}")

    def install_gman(self):
        """Makes the functions known; returns what was run."""
        self.sql("CREATE EXTENSION gman;")
        return ["CREATE EXTENSION gman;"]

    def rows(self, query):
        text = self.sql(f"\\pset format csv\n{query}")
        return [row for row in csv.reader(io.StringIO(text)) if row]

    def sessions_waiting(self):
        """How many of the workers' sessions wait for a lock."""
        return int(self.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                            "AND application_name = 'narada';"))

    def sessions(self):
        """How many sessions the workers have, those whose worker has died among them."""
        return int(self.sql("SELECT count(*) FROM pg_stat_activity "
                            "WHERE application_name = 'narada';"))

    def search_sql(self, words, limit=10):
        return (f"SELECT rank, title, url, snippet\n"
                f"  FROM jsonb_to_recordset(gman_do('search', {quoted(words)})::jsonb)\n"
                f"       AS hit (rank int, title text, url text, snippet text)\n"
                f" ORDER BY rank LIMIT {limit};")


class MariadbCrawl(Crawl):
    name = "MariaDB"
    schema = "mariadb.sql"

    @property
    def dsn(self):
        return f"mysql://root@localhost/{self.database}?socket={self.server.socket}"

    @property
    def client_command(self):
        return f"mariadb -S {self.server.socket} -u root {self.database}"

    def install_gman(self):
        """Makes the functions known, in all databases of the server; returns what was run."""
        self.server.install_functions()
        return [line for line in INSTALL_MARIADB.read_text().split("\n")
                if line.startswith("CREATE ")]

    def rows(self, query):
        return [[_unescaped(cell) for cell in line.split("\t")]
                for line in self.sql(query).split("\n") if line]

    def sessions_waiting(self):
        """How many of the workers' sessions wait for a lock."""
        return int(self.sql("SELECT COUNT(*) FROM information_schema.innodb_trx "
                            "WHERE trx_state = 'LOCK WAIT';"))

    def sessions(self):
        """How many sessions the workers have, those whose worker has died among them."""
        return int(self.sql("SELECT COUNT(*) FROM information_schema.processlist "
                            f"WHERE db = '{self.database}' AND id <> CONNECTION_ID();"))

    def search_sql(self, words, limit=10):
        return (f"SELECT hit.*\n"
                f"  FROM JSON_TABLE(CONVERT(gman_do('search', {quoted(words)}) USING utf8mb4),\n"
                f"         '$[*]' COLUMNS (`rank` INT PATH '$.rank', title TEXT PATH '$.title',\n"
                f"           url TEXT PATH '$.url', snippet TEXT PATH '$.snippet')) AS hit\n"
                f" ORDER BY `rank` LIMIT {limit};")


class Workers:
    """Narada's workers for one table: processes, their logs below `directory`, and their end."""

    def __init__(self, servers, dsn, directory, *fetch_options):
        self.servers = servers
        self.dsn = dsn
        self.directory = pathlib.Path(directory)
        self.index = self.directory / "index.sqlite"
        self.fetch_options = [str(option) for option in fetch_options]
        self.processes = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def start_all(self):
        return [self.start(part) for part in ("insert", "index", "search", "fetch")]

    def start(self, part, *options):
        """Starts narada-`part` and returns its process."""
        words = [BUILD_DIR / "bin" / f"narada-{part}", "--servers", self.servers]
        if part != "search":
            words += ["--database", self.dsn]
        if part in ("index", "search"):
            words += ["--index", self.index]
        if part == "fetch":
            words += self.fetch_options
        return self.run(f"narada-{part}", words + list(options))

    def run(self, name, words):
        """Starts any command as a worker."""
        with open(self.log_path(name), "ab") as log:
            process = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log, env=_environment())
        self.processes.append((name, process))
        return process

    def log_path(self, name):
        return self.directory / f"{name}.log"

    def ended(self):
        """Names of those that have ended by themselves."""
        return [name for name, process in self.processes if process.poll() is not None]

    def log_tails(self, bytes_max=2000):
        return "\n".join(f"--- {path.name}\n{path.read_text(errors='replace')[-bytes_max:]}"
                         for path in sorted(self.directory.glob("*.log")))

    def wait_until_at_rest(self, gmand, seconds=60):
        try:
            gmand.wait_admin("status", lambda status: queue_depth(status) == 0, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log_tails()}") from None

    def stop(self):
        """SIGTERM to all: they finish the jobs in hand."""
        for _, process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        until = time.monotonic() + STOP_SECONDS
        for _, process in self.processes:
            try:
                process.wait(max(until - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes = []


def queue_depth(status):
    """Jobs that are queued or running for the crawl, in the answer to gmand's `status`. When it is
    0 the crawl is at rest: a job that brings others sends them before it ends."""
    total = 0
    for line in status.split("\n"):
        name, *numbers = line.split("\t")
        if name in FUNCTIONS:
            total += int(numbers[0])
    return total


def quoted(text):
    """An SQL string. The two databases read backslashes differently, so there may be none."""
    assert "\\" not in text, text
    return "'" + text.replace("'", "''") + "'"


def _unescaped(cell):
    """What `mariadb --batch` escapes in its output."""
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t", "0": "\0"}.get(
        found[1], found[1]), cell)


def _environment():
    """Ours, without settings that would change what is tested, and without a proxy."""
    return {name: value for name, value in os.environ.items()
            if not name.startswith(("GMAN_", "NARADA_")) and not name.lower().endswith("_proxy")}
