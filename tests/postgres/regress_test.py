# SPDX-License-Identifier: BSD-3-Clause
"""pg_regress: the extension's SQL surface, statement by statement (sql/ and expected/)."""
import os
import pathlib
import subprocess
import unittest

from gmand import Gmand
from odd_worker import OddWorker
from postgres import PrivatePostgres, pg_path

HERE = pathlib.Path(__file__).resolve().parent
# A call that is never answered fails, instead of holding up the tests.
BOUNDED = {"statement_timeout": "60s", "max_prepared_transactions": "2"}
TESTS = ["extension", "calls", "options", "delivery", "outbox", "recorded", "asking", "aggregates",
         "triggers", "watches", "privileges"]


# How long something took is another number each time.
LAUNCHER = """#!/bin/sh
"$@" 2>&1 | sed -E 's/ after [0-9]+ ms/ after N ms/'
"""


def pg_regress():
    makefiles = pathlib.Path(pg_path("--pgxs")).parent
    return makefiles.parent / "test" / "regress" / "pg_regress"


class Regress(unittest.TestCase):
    def test_every_statement_answers_as_expected(self):
        self.assertEqual(sorted(TESTS), sorted(p.stem for p in (HERE / "sql").glob("*.sql")))
        with Gmand() as gmand, OddWorker(gmand.address), \
                PrivatePostgres(servers=gmand.address, settings=BOUNDED) as postgres:
            output = postgres.directory / "regress"
            output.mkdir()
            launcher = output / "launcher"
            launcher.write_text(LAUNCHER)
            launcher.chmod(0o755)
            done = subprocess.run(
                [pg_regress(), "--use-existing", f"--bindir={pg_path('--bindir')}",
                 "--dbname=postgres", "--user=postgres", f"--host={postgres.socket_dir}",
                 f"--port={postgres.port}", f"--launcher={launcher}", f"--inputdir={HERE}",
                 f"--outputdir={output}", *TESTS],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                env=dict(os.environ, LC_ALL="C"))
            if done.returncode != 0:
                diffs = output / "regression.diffs"
                told = diffs.read_text() if diffs.exists() else ""
                kept = os.environ.get("GMAN_REGRESS_RESULTS")
                if kept:  # to look at, or to make them the expected ones
                    subprocess.run(["cp", "-r", output / "results", kept], check=True)
                self.fail(f"{done.stdout}\n{told}")


if __name__ == "__main__":
    unittest.main()
