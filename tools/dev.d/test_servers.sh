# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154
# test-servers: run the tests of the databases against the servers that were fetched
#
# Usage: tools/dev test-servers [ctest arguments…]
#
#   tools/dev test-servers                   against all that tools/dev servers has fetched
#   tools/dev test-servers -R mysql-9.7      against one
#   tools/dev test-servers -N                only list them
#
# The suites of the MySQL functions, the PostgreSQL extension, the outbox and the relay, once more,
# against MySQL 9.7, MariaDB 11.8, PostgreSQL 17 and 18. A server that was not fetched is reported
# as skipped. They are no part of tools/dev test nor of .ci/run, which have half an hour.

dev_test-servers() {
  run deps
  run build
  # One after the other: two database servers beside their tests are as many as fit.
  exec ctest --test-dir build/release -C servers -L servers --output-on-failure "$@"
}
