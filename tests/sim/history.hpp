// SPDX-License-Identifier: BSD-3-Clause
// One random history: peers, a network and a server, all from one seed. First the seed chooses what
// kind of history it is (how many peers of which kind, how bad the network, which limits, how often
// each kind of event); then things happen; then all calms down, and the reckoning must come out.
#pragma once

#include <cstdint>

namespace gman::sim {

struct HistoryOptions {
  std::uint64_t seed = 1;
  bool is_verbose = false;
};

/// How many events the engine was asked to check. Throws Failure or AssertionFailure.
std::uint64_t run_history(const HistoryOptions& options);

}  // namespace gman::sim
