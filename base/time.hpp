// SPDX-License-Identifier: BSD-3-Clause
// Time as the pure parts see it: a value that the shell reads from the clocks and passes in.
#pragma once

#include <chrono>

namespace gman {

using std::chrono::milliseconds;

/// A point on the steady clock. Deadlines and intervals use only this one.
using Instant = std::chrono::steady_clock::time_point;

/// A point on the wall clock, UTC. Only jobs that name a calendar time use it.
using WallTime = std::chrono::system_clock::time_point;

struct Now {
  Instant steady{};
  WallTime wall{};
};

}  // namespace gman
