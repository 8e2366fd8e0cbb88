# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154
# pg-valgrind: the extension's regression tests in a PostgreSQL that runs under Valgrind
#
# Usage: tools/dev pg-valgrind [TEST…]
#
#   tools/dev pg-valgrind            tests/postgres/regress_test.py
#   tools/dev pg-valgrind delivery   the tests whose names have one of these in them
#
# Builds Debian's source of PostgreSQL, as pg-assert does, but such that Valgrind knows of the
# server's own memory contexts, below build/pg-valgrind, once. Each process of the server is looked
# at, with PostgreSQL's own suppressions (src/tools/valgrind.supp) and no others; what was found is
# in build/pg-valgrind/log, a file a process. A test that measures times may fail for its slowness.
# Needs the package valgrind, and a mirror that has sources. Not part of CI.

# The server's program makes room for a script that has it looked at; initdb goes without.
valgrind_wrap() {
  local place=$1 program
  program=$(find "$place/server" -path '*/bin/postgres' | head -n 1)
  [[ -n $program ]] || die "$place/server is not complete: remove it and try again"
  if [[ ! -e $program.real ]]; then mv "$program" "$program.real"; fi
  cat >"$program" <<SCRIPT
#!/bin/sh
case "\$1" in
  --boot | --check | --single | -V | --version | -C) exec "$program.real" "\$@" ;;
esac
exec valgrind --leak-check=no --error-limit=no --num-callers=30 --read-inline-info=no \\
  --suppressions="$place/valgrind.supp" --log-file="$place/log/%p" "$program.real" "\$@"
SCRIPT
  chmod 755 "$program"
}

dev_pg-valgrind() {
  local word place=build/pg-valgrind failed processes
  for word; do
    [[ $word != -* ]] || usage_error pg-valgrind "unknown option '$word'"
  done
  if ! command -v valgrind >/dev/null || [[ ! -f /usr/include/valgrind/valgrind.h ]]; then
    die "pg-valgrind needs the package valgrind: apt-get install valgrind"
  fi
  # shellcheck source=tools/dev.d/postgres_source.sh
  source "$commands_dir/postgres_source.sh"
  run deps
  run build
  build_postgres "$place" -DUSE_VALGRIND
  valgrind_wrap "$root/$place"
  rm -rf "$place/log"
  mkdir -m 1777 "$place/log" # PostgreSQL may run under another account
  postgres_tests "$place" "${@:-regress}"
  processes=$(grep -rl 'ERROR SUMMARY: ' "$place/log" | wc -l)
  say "pg-valgrind: $processes processes were looked at"
  if grep -rlE 'ERROR SUMMARY: [1-9]' "$place/log" >&2; then
    die "pg-valgrind found errors: see the files above"
  fi
  if [[ -n $failed ]]; then die "pg-valgrind failed:$failed"; fi
  if ((processes < 2)); then die "pg-valgrind has looked at nothing: is there $place/log?"; fi
  say "pg-valgrind: good"
}
