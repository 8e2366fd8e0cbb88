// SPDX-License-Identifier: BSD-3-Clause
// CommitPace: when the batch that has formed goes to the store.
//
// A commit costs much by itself and little for each job in it. When one ends, its clients are told
// and most of them submit again at once, while what the others sent meanwhile waits already.
// Without a pause the clients fall into two halves that take turns, each waiting for the other's
// commit; a pause that is short beside a commit puts all of them into one. It ends as soon as they
// are back, and is not made where they do not come back.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>

#include "base/time.hpp"

namespace gman {

class CommitPace {
 public:
  static constexpr std::chrono::microseconds pause_max{300};

  /// A commit that took `length` has ended, and so many connections have been told.
  void committed(std::size_t told, Instant::duration length, Instant now) {
    ++commits_;
    const bool is_worth_it = misses_ < misses_max || commits_ % probe_every == 0;
    returning_ = is_worth_it ? told : 0;
    pause_ends_ = now + std::min<Instant::duration>(length / 2, pause_max);
  }

  /// One of them has submitted again.
  void came_back() {
    if (returning_ > 0 && --returning_ == 0) misses_ = 0;
  }

  /// Whether the batch waits for more.
  [[nodiscard]] bool waits(Instant now) {
    if (returning_ == 0) return false;
    if (now < pause_ends_) return true;
    returning_ = 0;
    misses_ = std::min(misses_ + 1, misses_max);
    return false;
  }

  /// When waits() ends at the latest.
  [[nodiscard]] std::optional<Instant> deadline() const {
    return returning_ == 0 ? std::nullopt : std::optional(pause_ends_);
  }

 private:
  static constexpr unsigned misses_max = 4;
  static constexpr unsigned probe_every = 32;

  std::size_t returning_ = 0;
  Instant pause_ends_{};
  unsigned misses_ = 0;  ///< pauses in a row after which not all were back
  unsigned commits_ = 0;
};

}  // namespace gman
