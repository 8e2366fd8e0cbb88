// SPDX-License-Identifier: BSD-3-Clause
// Backoff: how long to wait before the next try, growing, with chance in it so that relays which
// lost a server together do not return together.
#pragma once

#include <algorithm>
#include <random>

#include "base/time.hpp"

namespace gman::relay {

/// Where the chance comes from. Its seed is the caller's, so that tests know what comes.
using Dice = std::mt19937;

/// Half of the wait is certain, half is chance.
[[nodiscard]] inline milliseconds with_jitter(milliseconds wait, Dice& dice) {
  std::uniform_int_distribution<milliseconds::rep> chance(0, wait.count() / 2);
  return wait - milliseconds(chance(dice));
}

class Backoff {
 public:
  Backoff(milliseconds first, milliseconds most) : first_(first), most_(most), next_(first) {}

  [[nodiscard]] milliseconds next(Dice& dice) {
    const milliseconds wait = with_jitter(next_, dice);
    next_ = std::min(next_ * 2, most_);
    return wait;
  }
  void reset() { next_ = first_; }

 private:
  milliseconds first_;
  milliseconds most_;
  milliseconds next_;
};

}  // namespace gman::relay
