# SPDX-License-Identifier: BSD-3-Clause
"""A private MySQL, or another MariaDB than the system's, that lives as long as a `with` block.

GMAN_MYSQL_SERVER names a directory of `tools/dev servers`; what PrivateDatabase is then comes from
there, and is the system's MariaDB otherwise. The tests are written in MariaDB's SQL. MySQL lacks a
few of its words, which PrivateMySQL says in MySQL's own.
"""
import re
import shutil

from mariadb import BUILD_DIR, TREE, PrivateMariaDB

COMPONENT = BUILD_DIR / "lib" / "component_gman.so"
_SMALL = [
    "--innodb-buffer-pool-size=32M", "--innodb-redo-log-capacity=16M",
    "--innodb-log-buffer-size=2M", "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=OFF", "--key-buffer-size=64K", "--performance-schema=OFF",
    "--max-connections=250", "--mysqlx=OFF", "--secure-file-priv=",
]
_SEQUENCE = re.compile(r"\b(?:gman\.)?seq_(\d+)_to_(\d+)\b")
_OR_REPLACE = re.compile(r"(DELIMITER //\s*)?CREATE OR REPLACE (TABLE|PROCEDURE|FUNCTION) "
                         r"([\w.]+)")
_DEFAULT_ROLE = re.compile(r"(SET DEFAULT ROLE \w+) FOR ")
_TIME_LIMIT = re.compile(r"SET STATEMENT max_statement_time = ([\d.]+) FOR\s+SELECT")


class PrivateMySQL(PrivateMariaDB):
    name = "MySQL"
    dialect = "mysql"
    time_limit_error = "ERROR 3024 (HY000)"
    client = "mysql"
    # The stall limit, in hundredths of a second, is the longest that there is.
    two_threads = ("--plugin-load-add=thread_pool.so", "--thread-pool-size=2",
                   "--thread-pool-stall-limit=600")
    dump_command = ("mysqldump", "--set-gtid-purged=OFF")  # for the server that it came from

    def translated(self, text):
        text = _SEQUENCE.sub(_sequence, text)
        text = _OR_REPLACE.sub(_drop_and_create, text)
        text = _DEFAULT_ROLE.sub(r"\1 TO ", text)
        return _TIME_LIMIT.sub(_limited_select, text)

    def replicate(self, primary):
        primary.sql("RESET BINARY LOGS AND GTIDS;"
                    "CREATE USER replica@'127.0.0.1' IDENTIFIED BY 'word';"
                    "GRANT REPLICATION SLAVE ON *.* TO replica@'127.0.0.1'")
        self.sql("CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1',"
                 f" SOURCE_PORT = {primary.port}, SOURCE_USER = 'replica',"
                 " SOURCE_PASSWORD = 'word', GET_SOURCE_PUBLIC_KEY = 1,"
                 " SOURCE_LOG_FILE = 'log.000001', SOURCE_LOG_POS = 4; START REPLICA")

    _log_status = "SHOW BINARY LOG STATUS"
    _wait_for_log = "SOURCE_POS_WAIT"
    _replica_status = "SHOW REPLICA STATUS"

    def _prepare_data(self):
        # As without option files, but for what SET PERSIST has written, which that would ignore.
        (self.directory / "empty.cnf").touch()
        pool = TREE / "usr" / "lib" / "mysql" / "plugin" / "thread_pool.so"
        for guest in (COMPONENT, pool):
            if guest.exists():
                shutil.copyfile(guest, self.plugin_dir / guest.name)
        self._run_once([*self._server_program(), "--initialize-insecure"])

    def _server_program(self):
        share = TREE / "usr" / "share" / "mysql"
        return [str(TREE / "usr" / "sbin" / "mysqld"),
                f"--defaults-file={self.directory / 'empty.cnf'}", "--skip-name-resolve",
                f"--basedir={TREE / 'usr'}", f"--lc-messages-dir={share}",
                f"--character-sets-dir={share / 'charsets'}",
                f"--datadir={self.directory / 'data'}", f"--tmpdir={self.directory}", *_SMALL]


def _sequence(found):
    first, last = found.groups()
    return (f"(WITH RECURSIVE numbers (seq) AS (SELECT /*+ SET_VAR(cte_max_recursion_depth = "
            f"10000000) */ {first} UNION ALL SELECT seq + 1 FROM numbers WHERE seq < {last})"
            f" SELECT seq FROM numbers) AS seq_{first}_to_{last}")


def _drop_and_create(found):
    delimiter, kind, name = found.groups()
    end = "//" if delimiter else ";"
    return f"{delimiter or ''}DROP {kind} IF EXISTS {name}{end}\nCREATE {kind} {name}"


def _limited_select(found):
    return f"SELECT /*+ MAX_EXECUTION_TIME({round(float(found[1]) * 1000)}) */"


PrivateDatabase = PrivateMySQL if TREE and "mysql" in TREE.name else PrivateMariaDB
