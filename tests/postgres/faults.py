# SPDX-License-Identifier: BSD-3-Clause
"""Faults on demand in a private PostgreSQL: no memory for C++, waits that fail (faults.cpp)."""
import mmap
import os
import shutil
import struct
import tempfile

from fixture import ExtensionCase
from postgres import BUILD_DIR

LIBRARY = BUILD_DIR / "bin/tests/faults.so"
ALLOCATIONS, WAITS, WAITING_PID = 0, 4, 8
BYTES = 12


class Faults:
    """`environment` is for the server that is to have them."""

    def __enter__(self):
        self._directory = tempfile.TemporaryDirectory()
        os.chmod(self._directory.name, 0o755)
        library = shutil.copy(LIBRARY, self._directory.name)
        path = os.path.join(self._directory.name, "countdowns")
        with open(path, "wb") as file:
            file.write(bytes(BYTES))
        os.chmod(path, 0o666)  # PostgreSQL may run under another account
        with open(path, "r+b") as file:
            self._countdowns = mmap.mmap(file.fileno(), BYTES)
        self.environment = {"LD_PRELOAD": library, "GMAN_FAULTS": path}
        return self

    def __exit__(self, *_):
        self._countdowns.close()
        self._directory.cleanup()

    def _set(self, which, number):
        struct.pack_into("i", self._countdowns, which, number)

    def _is_left(self, which):
        return struct.unpack_from("i", self._countdowns, which)[0] > 0

    def fail_allocation(self, number):
        """The one of that number from now on, the first being 1, in whichever process; 0: none."""
        self._set(ALLOCATIONS, number)

    def has_failed_allocation(self):
        """Whether so many were made."""
        return not self._is_left(ALLOCATIONS)

    def fail_wait(self, number, pid):
        """The one of that number that the process begins with a timeout; 0: none."""
        self._set(WAITS, 0)
        self._set(WAITING_PID, pid)
        self._set(WAITS, number)

    def has_failed_wait(self):
        return not self._is_left(WAITS)


class FaultyCase(ExtensionCase):
    """One cluster with `faults` for all tests of a class."""

    @classmethod
    def setUpClass(cls):
        cls.faults = cls.enterClassContext(Faults())
        cls.environment = cls.faults.environment
        super().setUpClass()
