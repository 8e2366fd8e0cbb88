// SPDX-License-Identifier: BSD-3-Clause
// Dice: every chance of a history, from its seed alone. The same seed throws the same dice on every
// machine and with every standard library.
#pragma once

#include <cstdint>
#include <iterator>
#include <random>

#include "base/time.hpp"

namespace gman::sim {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}

  // Requires: sides > 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t sides) { return random_() % sides; }
  /// Both bounds may come.
  [[nodiscard]] std::uint64_t between(std::uint64_t least, std::uint64_t most) {
    return least + below(most - least + 1);
  }
  [[nodiscard]] bool one_in(std::uint64_t chances) { return below(chances) == 0; }
  [[nodiscard]] bool percent(std::uint64_t chance) { return below(100) < chance; }
  /// Mostly short, seldom long.
  [[nodiscard]] milliseconds delay(std::uint64_t most_ms) {
    const std::uint64_t bound = one_in(4) ? most_ms : most_ms / 8;
    return milliseconds(below(bound + 1));
  }
  template <class Range>
  [[nodiscard]] const auto& pick(const Range& range) {
    return *std::next(std::begin(range), static_cast<std::ptrdiff_t>(below(std::size(range))));
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace gman::sim
