# SPDX-License-Identifier: BSD-3-Clause
"""gman_udf.so in a stand-in for MariaDB with many sessions at once, under whatever sanitizer the
build has: tests/mysql/host/threads_test.cpp."""
import os
import subprocess
import unittest

import wire
from gmand import BUILD_DIR, Gmand

SESSIONS = BUILD_DIR / "bin/tests/udf_threads"


class Sessions(unittest.TestCase):
    def test_call_at_once(self):
        with Gmand() as gmand, wire.Worker(gmand.address, {"same": lambda workload: workload}):
            done = subprocess.run(
                [SESSIONS], check=False, capture_output=True, text=True, timeout=300,
                env={**os.environ, "GMAN_SERVERS": gmand.address, "GMAN_ALLOW_SERVERS_SET": "1"})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
