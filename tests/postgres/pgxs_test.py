# SPDX-License-Identifier: BSD-3-Clause
"""The extension builds from a fresh copy of the sources, with make and PGXS and nothing else."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from postgres import PG_CONFIG, ROOT, pg_path

PARTS = ("base", "protocol", "client", "relay", "ext_postgres", "sql")
FOR_PGXN = ("META.json", "Makefile")


def run(*command, **options):
    return subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=True, **options).stdout


class FreshCheckout(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="gman-pgxs-"))
        cls.tree = pathlib.Path(scratch) / "checkout"
        cls.root = pathlib.Path(scratch) / "root"
        for part in PARTS:
            shutil.copytree(ROOT / part, cls.tree / part)
        for name in FOR_PGXN:
            shutil.copy(ROOT / name, cls.tree / name)
        cls.before = cls.files()
        make = ("make", "-C", cls.tree / "ext_postgres", "-j2", f"PG_CONFIG={PG_CONFIG}")
        if shutil.which("ccache"):  # which is to see the same compilation, wherever the copy is
            os.environ.update(CCACHE_BASEDIR=str(cls.tree), CCACHE_NOHASHDIR="1")
            make += ("CXX=ccache g++",)
        try:
            cls.output = run(*make, "install", f"DESTDIR={cls.root}", "COPT=-Werror")
            cls.again = run(*make, "install", f"DESTDIR={cls.root}", "COPT=-Werror")
        except subprocess.CalledProcessError as failed:
            raise AssertionError(failed.output) from failed
        cls.make = make

    @classmethod
    def files(cls):
        return sorted(p.relative_to(cls.tree) for p in cls.tree.rglob("*") if p.is_file())

    def installed(self, directory, name):
        return self.root / directory.relative_to("/") / name

    def test_it_builds_without_a_warning(self):
        self.assertNotIn("warning", self.output)

    def test_it_installs_library_control_file_and_script_where_the_server_looks(self):
        extension = pathlib.Path(pg_path("--sharedir")) / "extension"
        expected = {self.installed(pathlib.Path(pg_path("--pkglibdir")), "gman.so"),
                    self.installed(extension, "gman.control"),
                    self.installed(extension, "gman--0.1.0.sql")}
        self.assertEqual({p for p in self.root.rglob("*") if p.is_file()}, expected)

    def test_objects_go_to_the_build_directory_and_nowhere_else(self):
        sources = [p for p in self.files() if p.parts[0] != "build"]
        self.assertEqual(sources, self.before)

    def test_a_second_make_compiles_nothing(self):
        self.assertNotIn(" -c -o ", self.again)

    def test_a_changed_header_compiles_what_includes_it(self):
        header = self.tree / "ext_postgres" / "glue.h"
        header.touch()
        output = run(*self.make, "COPT=-Werror")
        self.assertIn(" do.o", output)
        self.assertEqual(output.count(" -c -o "),
                         len(list((self.tree / "ext_postgres").glob("*.c"))))

    def test_make_where_pgxns_client_calls_it_installs_the_same(self):
        other = self.root.with_name("by PGXN")
        output = run("make", "-C", self.tree, *self.make[3:], "install", f"DESTDIR={other}",
                     "COPT=-Werror")
        self.assertNotIn(" -c -o ", output)
        self.assertEqual({p.relative_to(other) for p in other.rglob("*") if p.is_file()},
                         {p.relative_to(self.root) for p in self.root.rglob("*") if p.is_file()})

    def test_what_pgxn_is_told_is_so(self):
        meta = json.loads((ROOT / "META.json").read_text(encoding="utf-8"))
        for key in ("name", "version", "abstract", "maintainer", "license", "provides",
                    "meta-spec"):
            self.assertTrue(meta[key], key)
        control = (ROOT / "ext_postgres" / "gman.control").read_text(encoding="utf-8")
        version = re.search(r"^default_version = '(.*)'$", control, re.MULTILINE)[1]
        provided = meta["provides"]["gman"]
        self.assertEqual((meta["version"], provided["version"]), (version, version))
        for key in ("file", "docfile"):
            self.assertTrue((ROOT / provided[key]).is_file(), key)

    def test_uninstall_takes_back_what_was_installed(self):
        other = self.root.with_name("other root")
        run(*self.make, "install", f"DESTDIR={other}", "COPT=-Werror")
        run(*self.make, "uninstall", f"DESTDIR={other}")
        self.assertEqual([p for p in other.rglob("*") if p.is_file()], [])

    def test_the_library_shows_nothing_but_what_postgresql_looks_up(self):
        library = self.installed(pathlib.Path(pg_path("--pkglibdir")), "gman.so")
        names = run("nm", "-D", "--defined-only", "--format=just-symbols", library).split()
        self.assertIn("pg_gman_do", names)
        others = [name for name in names
                  if not name.startswith(("pg_gman_", "pg_finfo_pg_gman_"))
                  and name not in ("Pg_magic_func", "_PG_init")]
        self.assertEqual(others, [])


if __name__ == "__main__":
    unittest.main()
