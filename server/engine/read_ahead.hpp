// SPDX-License-Identifier: BSD-3-Clause
// How much is read ahead of need, and what can be left in the store at all.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gman::engine {

/// What has been asked for and has not come.
inline constexpr std::size_t coming_jobs_max = 4096;
inline constexpr std::uint64_t coming_bytes_max = std::uint64_t{16} << 20;
/// A queue asks for so many at most before another queue does.
inline constexpr std::size_t asked_in_turn_max = 64;
/// A queue that has so many jobs ready, or so many bytes, is far ahead: it will do for a while.
inline constexpr std::uint32_t ahead_jobs_max = 16'384;
inline constexpr std::uint64_t ahead_bytes_max = std::uint64_t{32} << 20;

/// Of the budget: small beside it, so that many queues find room.
constexpr std::uint64_t ahead_bytes_of(std::uint64_t budget) {
  if (budget == 0) return ahead_bytes_max;
  return std::clamp<std::uint64_t>(budget / 8, 1, ahead_bytes_max);
}
/// What a queue has ahead at least, or one job, also where the budget is used up by others.
constexpr std::uint64_t ahead_bytes_min_of(std::uint64_t budget) {
  return budget / 1024;
}
/// What long queues and jobs that wait for their time may keep in memory: the rest of the budget is
/// for reading ahead, and for queues that are short.
constexpr std::uint64_t share_of_those_behind(std::uint64_t budget) {
  return budget - budget / 4;
}

/// What queues that are far ahead may fill by asking for more.
constexpr std::uint64_t share_of_those_read(std::uint64_t budget) {
  return budget / 2;
}

/// A workload that is its job's key is needed by each submit, and an empty one takes no room.
[[nodiscard]] bool can_stay_away(std::string_view unique, std::size_t workload_bytes);

}  // namespace gman::engine
