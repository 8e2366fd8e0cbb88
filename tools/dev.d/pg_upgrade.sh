# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154
# pg-upgrade: pg_upgrade of a cluster with the extension, from PostgreSQL 15 to 17
#
# Usage: tools/dev pg-upgrade
#
# A private cluster of the system's PostgreSQL has the extension, an outbox with rows, watches,
# roles and settings; PostgreSQL 17's pg_upgrade makes another of it, in which all of that is there
# and works. Fetches PostgreSQL 17 first (tools/dev servers). Not part of CI.

dev_pg-upgrade() {
  if (($#)); then usage_error pg-upgrade "unknown argument '$1'"; fi
  run servers postgresql-17
  run deps
  run build
  GMAN_POSTGRES_SERVER=build/servers/postgresql-17 GMAN_BUILD_DIR=$root/build/release \
    PYTHONPATH=$root/tests/support exec "$python" -B tests/postgres/pg_upgrade_test.py
}
