// SPDX-License-Identifier: BSD-3-Clause
#include "server/engine/earlier_handles.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "base/assert.hpp"

namespace gman::engine {

void EarlierHandles::add(JobSlot slot, std::uint32_t start, std::uint64_t handle_number) {
  GMAN_ASSERT(slot == handle_numbers_.size() && by_handle_.empty());
  handle_numbers_.push_back(handle_number);
  starts_.push_back(start);
  ++left_;
}

void EarlierHandles::forget_one() {
  GMAN_ASSERT(left_ > 0);
  if (--left_ > 0) return;
  *this = {};
}

std::optional<EarlierHandles::Found> EarlierHandles::find(std::string_view handle) {
  const auto key_of = [this](JobSlot slot) {
    return std::tuple(starts_[slot], handle_numbers_[slot]);
  };
  for (const auto& [start, handles] : prefixes_) {
    const auto ref = handles.parse(handle);
    if (!ref) continue;
    if (by_handle_.empty()) {
      by_handle_.resize(handle_numbers_.size());
      std::iota(by_handle_.begin(), by_handle_.end(), JobSlot{0});
      std::ranges::sort(by_handle_, {}, key_of);
    }
    const std::tuple wanted(start, JobHandles::number_of(*ref));
    const auto found = std::ranges::lower_bound(by_handle_, wanted, {}, key_of);
    if (found == by_handle_.end() || key_of(*found) != wanted) return std::nullopt;
    return Found{*found, start};
  }
  return std::nullopt;
}

}  // namespace gman::engine
