# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154
# test: install what is missing, build, and run all tests
#
# Usage: tools/dev test [ctest arguments…]
#
#   tools/dev test               everything
#   tools/dev test -L unit       one kind: unit sim fuzz tidy integration cli compat postgres
#                                mysql e2e soak
#   tools/dev test -R requeue    the tests whose names match
#   tools/dev test -N            only list them
#
# The last lines are CTest's summary. Tests start what servers they need, privately, and end them.

dev_test() {
  run deps
  run build
  exec ctest --test-dir build/release --output-on-failure -j "$(jobs_max)" "$@"
}
