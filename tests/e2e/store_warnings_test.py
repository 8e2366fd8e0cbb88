# SPDX-License-Identifier: BSD-3-Clause
"""Settings of a database server that make an acknowledgement worth less are in the log."""
import unittest

from gmand import Gmand
from mariadb import PrivateMariaDB
from postgres import PrivatePostgres


class Warnings(unittest.TestCase):
    def warned_of(self, url, *settings):
        """Those of the settings that its log names."""
        with Gmand("--store", url) as gmand:
            lines = [line for line in gmand.log().splitlines() if "promises less" in line]
        found = [setting for setting in settings if any(setting in line for line in lines)]
        self.assertEqual(len(found), len(lines), lines)
        return found

    def test_postgresql_that_syncs_nothing_is_named_and_one_that_does_is_not(self):
        names = ("fsync", "full_page_writes")
        for off in ((), names, names[:1], names[1:]):
            settings = {name: "off" if name in off else "on" for name in names}
            # synchronous_commit is off there, and on in the store's own session.
            with PrivatePostgres(extension=False, settings=settings) as server:
                url = (f"postgresql:///postgres?host={server.socket_dir}&port={server.port}"
                       "&user=postgres")
                self.assertEqual(self.warned_of(url, "(fsync off)", "(full_page_writes off)"),
                                 [f"({name} off)" for name in off])

    def test_mariadb_is_named_for_each_setting_that_makes_a_commit_worth_less(self):
        log, binlog, pages = ("(innodb_flush_log_at_trx_commit 2)", "(sync_binlog 0)",
                              "(innodb_doublewrite 0)")
        for options in (("--log-bin", "--innodb-doublewrite=1"), ()):
            with PrivateMariaDB(options=options) as server:
                server.sql("CREATE DATABASE jobs")
                url = f"mysql://root@localhost/jobs?socket={server.socket}"
                for flush, sync in ((1, 1), (2, 1), (1, 0), (2, 0)):
                    server.sql(f"SET GLOBAL innodb_flush_log_at_trx_commit = {flush},"
                               f" GLOBAL sync_binlog = {sync}")
                    expected = ([log] if flush != 1 else []) + (
                        # Without a binary log there is nothing to sync.
                        [binlog] if sync != 1 and options else []) + ([] if options else [pages])
                    self.assertEqual(self.warned_of(url, log, binlog, pages), expected)


if __name__ == "__main__":
    unittest.main()
