# SPDX-License-Identifier: BSD-3-Clause
"""The database servers that `tools/dev servers` has fetched, for tests that run against one."""
import os
import pathlib
import sys

SKIPPED = 77  # what CTest reports as skipped


def tree(variable):
    """The directory of the server that the environment's variable names; None: it names none.

    Where that server was not fetched, the whole test program ends as skipped: a run against another
    server must not look like one against this.
    """
    if not os.environ.get(variable):
        return None
    directory = pathlib.Path(os.environ[variable]).resolve()
    if not (directory / "complete").exists():
        print(f"skipped: {directory} is not there; tools/dev servers {directory.name} fetches it")
        sys.exit(SKIPPED)
    return directory
