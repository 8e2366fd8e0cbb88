# SPDX-License-Identifier: BSD-3-Clause
"""bench_micro's rows of stores, with the stores in database servers: each a private one that syncs
at every commit, as the tests' do not. Run by `tools/dev bench stores`."""
import os
import pathlib
import subprocess
import sys

from mariadb import PrivateMariaDB
from postgres import PrivatePostgres

BUILD_DIR = pathlib.Path(os.environ.get("GMAN_BUILD_DIR", "build/release"))
# The rows that need a disk of their own are SQLite's.
ROWS = "--benchmark_filter=commits_added|loads_a_backlog"


def measure(url):
    load = " ".join(f"{load:.1f}" for load in os.getloadavg())
    print(f"\n{url.partition(':')[0]}, with a load average of {load}:", flush=True)
    subprocess.run([BUILD_DIR / "bin" / "bench" / "bench_micro", ROWS, *sys.argv[1:]], check=True,
                   env=dict(os.environ, GMAN_BENCH_STORE=url))


def main():
    with PrivatePostgres(extension=False, settings={
            "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on",
            "shared_buffers": "256MB", "max_wal_size": "4GB"}) as server:
        measure(f"postgresql://postgres@/postgres?host={server.socket_dir}&port={server.port}")
    with PrivateMariaDB(options=[
            "--innodb-flush-log-at-trx-commit=1", "--innodb-doublewrite=1",
            "--innodb-buffer-pool-size=256M", "--innodb-log-file-size=1G",
            "--innodb-log-buffer-size=64M"]) as server:
        server.sql("CREATE DATABASE jobs")
        measure(f"mysql://root@localhost/jobs?socket={server.socket}")


if __name__ == "__main__":
    main()
