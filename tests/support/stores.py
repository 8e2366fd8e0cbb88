# SPDX-License-Identifier: BSD-3-Clause
"""Runs sql_store_check, the tests of stores in database servers, beside a private server that it
may ask to be started anew."""
import os
import pathlib
import subprocess
import tempfile

PASSWORD = "p/ss:w@rd"
PASSWORD_IN_URL = "p%2Fss%3Aw%40rd"
BUILD_DIR = pathlib.Path(os.environ.get("GMAN_BUILD_DIR", "build/release"))
CHECK = BUILD_DIR / "bin" / "tests" / "sql_store_check"


def run_store_check(server, other, environment):
    """Its exit status and what it printed. `server` has a restart(); the tests of stores of the
    kind `other`, "Mysql" or "Postgres", are left out."""
    asked, ask = os.pipe()
    hear, answer = os.pipe()
    log = tempfile.TemporaryFile()
    with log, subprocess.Popen(
            [CHECK, f"--gtest_filter=-{other}StoreTest.*"], pass_fds=(ask, hear),
            env=dict(os.environ, GMAN_TEST_CONTROL=f"{ask},{hear}", **environment),
            stdout=log, stderr=subprocess.STDOUT) as check:
        os.close(ask)
        os.close(hear)
        with os.fdopen(asked) as requests:
            for _ in requests:  # until it ends
                server.restart()
                os.write(answer, b"done\n")
        status = check.wait()
        os.close(answer)
        log.seek(0)
        return status, log.read().decode(errors="replace")
