# SPDX-License-Identifier: BSD-3-Clause
"""What is measured of an outbox with a large backlog: whether those rows that are due are still
shipped as if they were alone.

The backlog is of a function that is paused, so that no relay may have it, and whoever looks for due
rows has to find them beside it. Loading it is not measured.
"""

import outbox_rows
from outbox_rows import P50_MS, P99_MS, POSTGRES, REST, SECONDS

WITHOUT = "the same without the backlog, p50, ms"

HELD = "gman_bench_held"
FUNCTION = "gman_bench"
ROWS_A_STATEMENT = 500_000
SINGLES = 100
BULK = 100_000
REST_SECONDS = 30


def hold(database, name, size):
    """So many rows, none of which is due until their function is resumed."""
    database.sql(f"{'SELECT' if name == POSTGRES else 'CALL'} gman.pause('{HELD}')")
    for loaded in range(0, size, ROWS_A_STATEMENT):
        rows = min(ROWS_A_STATEMENT, size - loaded)
        if name == POSTGRES:
            database.sql("INSERT INTO gman.outbox (function_name, workload) "
                         f"SELECT '{HELD}', ('x' || i)::bytea FROM generate_series(1, {rows}) AS i")
        else:
            database.enqueue_many(HELD, rows, "x")


def beside_backlog(name, size):
    """Single rows and a large transaction beside it, and the relay that has nothing to do."""
    with outbox_rows.shipping(name) as (database, server, shipper):
        without = outbox_rows.single_rows(database, server, FUNCTION, SINGLES)
        hold(database, name, size)
        singles = outbox_rows.single_rows(database, server, FUNCTION, SINGLES)
        rest = outbox_rows.rest_of(shipper, REST_SECONDS)
        return {P50_MS: singles[P50_MS], P99_MS: singles[P99_MS], WITHOUT: without[P50_MS],
                **outbox_rows.one_transaction(database, server, f"{FUNCTION}_bulk", BULK), **rest}
