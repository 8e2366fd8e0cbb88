// SPDX-License-Identifier: BSD-3-Clause
#include "server/engine/job_record.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace gman {

void JobChanges::add(const JobRecord& record) {
  Added added{
      .record = record,
      .offset = texts_.size(),
      .function_bytes = static_cast<std::uint32_t>(record.function.size()),
      .unique_bytes = static_cast<std::uint32_t>(record.unique.size()),
      .reducer_bytes = static_cast<std::uint32_t>(record.reducer.size()),
      .workload_bytes = static_cast<std::uint32_t>(record.workload.size()),
  };
  for (const std::string_view text :
       {record.function, record.unique, record.reducer, record.workload}) {
    texts_ += text;
  }
  added.record.function = added.record.unique = added.record.reducer = added.record.workload = {};
  added_.push_back(added);
}

JobRecord JobChanges::added(std::size_t index) const {
  GMAN_ASSERT(index < added_.size());
  const Added& added = added_[index];
  JobRecord record = added.record;
  std::string_view rest = std::string_view(texts_).substr(added.offset);
  const auto take = [&rest](std::uint32_t bytes) {
    const std::string_view text = rest.substr(0, bytes);
    rest.remove_prefix(bytes);
    return text;
  };
  record.function = take(added.function_bytes);
  record.unique = take(added.unique_bytes);
  record.reducer = take(added.reducer_bytes);
  record.workload = take(added.workload_bytes);
  return record;
}

void JobChanges::append(const JobChanges& later) {
  for (std::size_t i = 0; i < later.added_count(); ++i) add(later.added(i));
  requeued_.insert(requeued_.end(), later.requeued_.begin(), later.requeued_.end());
  removed_.insert(removed_.end(), later.removed_.begin(), later.removed_.end());
}

JobChanges JobChanges::without_added() const {
  JobChanges rest;
  rest.requeued_ = requeued_;
  rest.removed_ = removed_;
  return rest;
}

void JobChanges::keep_only_added() {
  std::vector<JobNumber> numbers;
  numbers.reserve(added_.size());
  for (const Added& job : added_) numbers.push_back(job.record.number);
  std::ranges::sort(numbers);
  const auto is_other = [&numbers](JobNumber number) {
    return !std::ranges::binary_search(numbers, number);
  };
  std::erase_if(requeued_, [&](const JobRequeued& job) { return is_other(job.number); });
  std::erase_if(removed_, is_other);
}

void JobChanges::clear() {
  constexpr std::size_t texts_kept_max = std::size_t{4} << 20;
  constexpr std::size_t entries_kept_max = std::size_t{64} << 10;
  added_.clear();
  texts_.clear();
  requeued_.clear();
  removed_.clear();
  if (texts_.capacity() > texts_kept_max) std::string().swap(texts_);
  if (added_.capacity() > entries_kept_max) std::vector<Added>().swap(added_);
  if (removed_.capacity() > entries_kept_max) std::vector<JobNumber>().swap(removed_);
}

}  // namespace gman
