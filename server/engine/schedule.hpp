// SPDX-License-Identifier: BSD-3-Clause
// When a SUBMIT_JOB_SCHED runs: once, at the next minute whose UTC fields all match.
#pragma once

#include <optional>

#include "base/time.hpp"
#include "protocol/request.hpp"

namespace gman::engine {

/// The first whole minute, at or after `from`, in which every field given matches (day of week 0 is
/// Monday, as the protocol says). nullopt: no minute ever does, as with 30 February or hour 24.
[[nodiscard]] std::optional<WallTime> next_match(const Schedule& schedule, WallTime from);

}  // namespace gman::engine
