# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154
# bench: first figures of the job server, with gearmand beside it when it is installed
#
# Usage: tools/dev bench [--jobs N] [--round-trips N]
#
# Builds, starts a gmand of its own and measures background submits (4 connections, 64 unanswered
# on each) and foreground round trips: the rate, and the server's CPU time a job from /proc. The
# generator is one Python thread on the same machine, so the rates are lower bounds; the CPU time
# a job is what to compare.

dev_bench() {
  run deps
  run build
  exec "$python" -B bench/first_figures.py "$@"
}
