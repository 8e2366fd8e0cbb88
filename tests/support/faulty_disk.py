# SPDX-License-Identifier: BSD-3-Clause
"""A disk that fails when a test says so (tests/integration/disk_faults.cpp has the rules).

    disk = FaultyDisk("/var/tmp/somewhere")
    with Gmand("--store", "sqlite:/var/tmp/somewhere/jobs.db", env=disk.env) as gmand:
        disk.rules("sync 3 1 EIO")
        ...
        disk.rules()                     # and is in order again
"""
import os

from gmand import BUILD_DIR


class FaultyDisk:
    def __init__(self, directory):
        self._rules = f"{directory}/rules"
        asan_options = os.environ.get("ASAN_OPTIONS")
        self.env = {
            "LD_PRELOAD": str(BUILD_DIR / "bin" / "tests" / "disk_faults.so"),
            "GMAN_FAULTY_PATH": f"{directory}/jobs.db",
            "GMAN_FAULT_RULES": self._rules,
            # ASan wants to be loaded first. That library has nothing that ASan watches.
            "ASAN_OPTIONS": ":".join(filter(None, [asan_options, "verify_asan_link_order=0"])),
        }

    def rules(self, *rules):
        """In place of those before, and counting from now."""
        unfinished = self._rules + ".new"
        with open(unfinished, "w", encoding="utf-8") as file:
            file.writelines(rule + "\n" for rule in rules)
        os.replace(unfinished, self._rules)
