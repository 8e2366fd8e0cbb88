# SPDX-License-Identifier: BSD-3-Clause
"""tools/clang_tidy.py skips a file only when nothing that it depends on has changed."""

import pathlib
import sys
import tempfile
import unittest
import unittest.mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))

import clang_tidy
import source_tree


class Fingerprint(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = pathlib.Path(directory.name).resolve()
        for patched, value in (("ROOT", self.root), ("INCLUDE_ROOTS", (self.root,))):
            patch = unittest.mock.patch.object(source_tree, patched, value)
            patch.start()
            self.addCleanup(patch.stop)
        self.write(".clang-tidy", "Checks: '*'")
        self.write("base/deep.hpp", "int deep;")
        self.write("base/near.hpp", '#include "base/deep.hpp"')
        self.write("server/a.cpp", '#include <vector>\n#include "base/near.hpp"')
        self.write("server/b.hpp", "int b;")
        self.first = self.fingerprint()

    def write(self, name, text):
        (self.root / name).parent.mkdir(exist_ok=True)
        (self.root / name).write_text(text, encoding="utf-8")

    def fingerprint(self, arguments=("-O2",), version="14"):
        source_tree.resolved_includes.cache_clear()
        source = self.root / "server/a.cpp"
        return clang_tidy.fingerprint(source, list(arguments), version)

    def test_stays_when_nothing_that_counts_has_changed(self):
        self.write("server/b.hpp", "int changed;")
        self.assertEqual(self.fingerprint(), self.first)

    def test_changes_with_the_file_and_with_headers_near_and_deep(self):
        for name in ("server/a.cpp", "base/near.hpp", "base/deep.hpp"):
            with self.subTest(name=name):
                before = self.fingerprint()
                self.write(name, (self.root / name).read_text(encoding="utf-8") + "\n// more")
                self.assertNotEqual(self.fingerprint(), before)

    def test_changes_with_flags_version_and_checks(self):
        self.assertNotEqual(self.fingerprint(arguments=("-O3",)), self.first)
        self.assertNotEqual(self.fingerprint(version="15"), self.first)
        self.write(".clang-tidy", "Checks: '-*'")
        self.assertNotEqual(self.fingerprint(), self.first)


class Arguments(unittest.TestCase):
    def test_leave_out_what_only_gcc_understands(self):
        command = (
            "/usr/bin/ccache /usr/bin/c++ -DA=1 -I/x -std=c++20 -Winvalid-pch "
            "-include /b/cmake_pch.hxx -include forced.hpp -o a.o -c a.cpp"
        )
        self.assertEqual(
            clang_tidy.clang_arguments({"command": command}),
            ["-DA=1", "-I/x", "-std=c++20", "-include", "forced.hpp",
             clang_tidy.GCC_WARNINGS_FLAG, *clang_tidy.ANALYZER_FLAGS],
        )


if __name__ == "__main__":
    unittest.main()
