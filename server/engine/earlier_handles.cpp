// SPDX-License-Identifier: BSD-3-Clause
#include "server/engine/earlier_handles.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "base/assert.hpp"

namespace gman::engine {

void EarlierHandles::add(JobSlot slot, std::uint32_t start, std::uint64_t handle_number) {
  GMAN_ASSERT(slot == handle_numbers_.size() && by_handle_.empty());
  auto known = std::ranges::find(starts_, start, &Start::number);
  if (known == starts_.end()) {
    // Its store does not know the start any more, and so nobody may know the handle; yet it needs
    // one that no other job has.
    know_start(start, "H:start-" + std::to_string(start));
    known = std::prev(starts_.end());
  }
  handle_numbers_.push_back(handle_number);
  start_of_.push_back(static_cast<std::uint32_t>(known - starts_.begin()));
  ++left_;
}

void EarlierHandles::forget_one() {
  GMAN_ASSERT(left_ > 0);
  if (--left_ == 0) *this = {};
}

JobHandles::Text EarlierHandles::format(JobSlot slot) const {
  return starts_[start_of_[slot]].handles.format(handle_numbers_[slot]);
}

std::optional<JobSlot> EarlierHandles::find(std::string_view handle) const {
  const auto key_of = [this](JobSlot slot) {
    return std::tuple(start_of_[slot], handle_numbers_[slot]);
  };
  for (std::uint32_t start = 0; start < starts_.size(); ++start) {
    const auto ref = starts_[start].handles.parse(handle);
    if (!ref) continue;
    if (by_handle_.empty()) {
      by_handle_.resize(handle_numbers_.size());
      std::iota(by_handle_.begin(), by_handle_.end(), JobSlot{0});
      std::ranges::sort(by_handle_, {}, key_of);
    }
    const std::tuple wanted(start, JobHandles::number_of(*ref));
    const auto found = std::ranges::lower_bound(by_handle_, wanted, {}, key_of);
    if (found == by_handle_.end() || key_of(*found) != wanted) return std::nullopt;
    return *found;
  }
  return std::nullopt;
}

}  // namespace gman::engine
