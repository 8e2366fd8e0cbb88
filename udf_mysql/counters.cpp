// SPDX-License-Identifier: BSD-3-Clause
#include "udf_mysql/counters.hpp"

#include <array>
#include <atomic>

namespace gman::udf {
namespace {

std::atomic<std::uint64_t>& place_of(Counter counter) {
  static constinit std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(Counter::last)>
      all{};
  return all[static_cast<std::size_t>(counter)];
}

}  // namespace

// Relaxed: each number stands for itself, and who reads them expects no moment that fits all.
void count(Counter counter) {
  place_of(counter).fetch_add(1, std::memory_order_relaxed);
}

std::uint64_t counted(Counter counter) {
  return place_of(counter).load(std::memory_order_relaxed);
}

}  // namespace gman::udf
