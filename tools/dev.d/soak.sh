# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154
# soak: hours of mixed load in ten minutes; no job lost, memory and time flat
#
# Usage: tools/dev soak [--minutes N] [--seed N]
#
#   --minutes N   how long the load lasts (10)
#   --seed N      decides what is random (1)
#
# Builds, starts a gmand of its own and gives it clients, workers that die, slow readers, passing
# and ten thousand idle connections, in equal cycles. Every job is accounted for; at the end of each
# cycle all is waited for and the server is measured, and the second half of the run is compared
# with the first (tests/soak/judge.py). A line for each cycle, then charts and the verdict. The test
# command runs half a minute of it (tools/dev test -L soak).

dev_soak() {
  run deps
  run build release gmand
  exec env GMAN_BUILD_DIR=build/release "$python" -B tests/soak/soak.py "$@"
}
