# SPDX-License-Identifier: BSD-3-Clause
"""A private PostgreSQL that ships outboxes itself, and what has come of their rows."""
from patience import wait_until
from postgres import PrivatePostgres
from wire import CAN_DO, GRAB_JOB, NO_JOB, WORK_COMPLETE, Peer


class Database(PrivatePostgres):
    """A cluster that ships what the outboxes of its databases have, and may be told of others."""

    def __init__(self, servers, preload=True, **options):
        super().__init__(servers=servers, preload=preload, **options)

    def ship(self, *databases):
        """Makes an outbox in each of these, and waits for its worker."""
        for database in databases:
            self.sql("CREATE EXTENSION gman; SELECT gman_outbox_install()", database=database)
        self.set("gman.relay_databases", ",".join(databases))
        for database in databases:
            self.wait_running(database)

    def set(self, name, value):
        self.sql(f"ALTER SYSTEM SET {name} = '{value}'")
        self.sql("SELECT pg_reload_conf()")

    def relay(self, columns, database="postgres"):
        """The row of gman_relays() for a database."""
        return self.sql(f"SELECT {columns} FROM gman_relays() WHERE database = '{database}'")

    def pid_of(self, database="postgres"):
        """The worker's process; 0: there is none."""
        found = self.sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'gman relay' "
                         f"AND datname = '{database}'")
        return int(found) if found else 0

    def wait_running(self, database="postgres", other_than=0):
        wait_until(lambda: self.pid_of(database) not in (0, other_than),
                   f"there is a worker for {database}")
        return self.pid_of(database)

    def enqueue(self, workload, function="f", database="postgres"):
        self.sql(f"SELECT gman.enqueue('{function}', '{workload}')", database=database)

    def count(self, database="postgres"):
        return int(self.sql("SELECT count(*) FROM gman.outbox", database=database))

    def wait_empty(self, database="postgres"):
        wait_until(lambda: self.count(database) == 0, f"the outbox of {database} is empty")


def jobs_of(gmand, function="f"):
    """The workloads of all jobs that wait, each of which is done."""
    workloads = []
    with Peer(gmand.address) as worker:
        worker.send(CAN_DO, function)
        while (answer := worker.request(GRAB_JOB)).type != NO_JOB:
            workloads.append(answer.args[2].decode())
            worker.send(WORK_COMPLETE, answer.args[0], b"")
        worker.echo()
    return workloads
