# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154
# pg-assert: the extension's tests in a PostgreSQL that checks itself
#
# Usage: tools/dev pg-assert [TEST…]
#
#   tools/dev pg-assert                    all of tests/postgres
#   tools/dev pg-assert regress delivery   the tests whose names have one of these in them
#
# Builds Debian's source of PostgreSQL with --enable-cassert, below build/pg-assert, once: some
# minutes on two cores, 400 MB. Memory that was freed is overwritten there, and what the server
# holds true of its own structures is looked at again and again; a backend in which something is
# wrong ends with TRAP in the server's log, and so fails the test. Needs a mirror that has sources.
# Not part of CI.

dev_pg-assert() {
  local word place=build/pg-assert failed
  for word; do
    [[ $word != -* ]] || usage_error pg-assert "unknown option '$word'"
  done
  # shellcheck source=tools/dev.d/postgres_source.sh
  source "$commands_dir/postgres_source.sh"
  run deps
  run build
  build_postgres "$place" ""
  postgres_tests "$place" "${@:-}"
  if [[ -n $failed ]]; then die "pg-assert failed:$failed"; fi
  say "pg-assert: good"
}
