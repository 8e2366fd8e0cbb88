# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154
# bench: measure gmand beside gearmand, Redis and the least possible responder
#
# Usage: tools/dev bench [--quick] [--keep] [--rounds N] [--only TEXT]… [--without-gearmand]
#                        [--stores-below DIR]
#        tools/dev bench micro|stores [Google Benchmark arguments…]
#
#   tools/dev bench --quick      about two minutes
#   tools/dev bench              every row, several rounds: the better part of an hour
#   tools/dev bench --only durable   jobs that survive; kept below /var/tmp unless told otherwise
#   tools/dev bench --only "ten million"   the outbox beside as many jobs: gigabytes in /tmp
#   tools/dev bench --keep       and writes the tables into docs/PERFORMANCE.md; with --only, these
#                                rows in the place of those that stand there
#   tools/dev bench micro        framing, unique look-up, queue operations, timers, by themselves
#   tools/dev bench micro --benchmark_filter=unique
#   tools/dev bench stores       micro's rows of stores, in a private PostgreSQL and a MariaDB
#
# Everything runs on this machine and on free ports; nothing is left behind. What is measured, and
# what the figures mean: docs/PERFORMANCE.md. The load generator is `gman bench`, which can be
# pointed at any Gearman server.

dev_bench() {
  run deps
  if [[ ${1:-} == micro ]]; then
    run build release bench_micro
    exec build/release/bin/bench/bench_micro "${@:2}"
  fi
  if [[ ${1:-} == stores ]]; then
    run build release bench_micro
    PYTHONPATH=tests/support exec "$python" -B bench/micro/served_stores.py "${@:2}"
  fi
  run build release gmand gman gman-relay gman_udf least redis_load
  exec "$python" -B bench/compare.py "$@"
}
