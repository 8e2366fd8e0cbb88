// SPDX-License-Identifier: BSD-3-Clause
#include "server/engine/job_handle.hpp"

#include <charconv>
#include <cstring>

#include "base/assert.hpp"

namespace gman::engine {

// The low half of the number is the slot counted from 1, the high half how often it was used
// before: a fresh server hands out 1, 2, 3.
JobHandles::JobHandles(std::string prefix) : prefix_(std::move(prefix)) {
  GMAN_ASSERT(prefix_.size() <= prefix_bytes_max);
  prefix_ += ':';
}

std::uint64_t JobHandles::number_of(JobRef job) {
  const std::uint64_t uses_before = job.generation / 2;
  return (uses_before << 32) | (std::uint64_t{job.slot} + 1);
}

JobHandles::Text JobHandles::format(std::uint64_t number) const {
  Text text;
  std::memcpy(text.bytes_.data(), prefix_.data(), prefix_.size());
  char* const begin = text.bytes_.data() + prefix_.size();
  char* const end = text.bytes_.data() + text.bytes_.size();
  text.size_ = static_cast<std::size_t>(std::to_chars(begin, end, number).ptr - text.bytes_.data());
  return text;
}

std::optional<JobRef> JobHandles::parse(std::string_view handle) const {
  if (!handle.starts_with(prefix_)) return std::nullopt;
  const std::string_view digits = handle.substr(prefix_.size());
  std::uint64_t number = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (fault != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  // One job has one handle: "01" is not another way to write "1".
  if (digits.front() == '0') return std::nullopt;
  const auto slot_from_1 = static_cast<std::uint32_t>(number);
  const auto uses_before = static_cast<std::uint32_t>(number >> 32);
  if (slot_from_1 == 0 || uses_before > nil / 2) return std::nullopt;
  return JobRef{slot_from_1 - 1, uses_before * 2 + 1};
}

}  // namespace gman::engine
