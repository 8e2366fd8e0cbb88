// SPDX-License-Identifier: BSD-3-Clause
// JobRecord: what of a background job outlives the process. JobChanges: what one or several turns
// have changed about such jobs, as one value that a store makes durable all together or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/request.hpp"

namespace gman {

/// Counts the jobs of one store, over all starts of its server: no number comes twice, and a later
/// job has a greater one. The high 24 bits count the starts, from 1.
using JobNumber = std::uint64_t;
inline constexpr unsigned job_number_start_shift = 40;
inline constexpr std::uint32_t store_starts_max = (1u << 24) - 1;

/// Texts belong to whoever made the record.
struct JobRecord {
  JobNumber number = 0;
  /// Jobs of one function and priority are run in this order. A job's number, until it is queued
  /// again.
  std::uint64_t position = 0;
  /// The number in the handle by which its client knows it, in the start that its own number names.
  std::uint64_t handle_number = 0;
  /// When it is to be queued, on the wall clock, in ms since 1970; nullopt: it is queued or runs.
  std::optional<std::int64_t> due_ms{};
  /// How many workers it has cost.
  std::uint32_t attempts_lost = 0;
  Priority priority = Priority::normal;
  /// The workload is left out here, and is where the store has it: so many bytes.
  std::uint32_t away_bytes = 0;
  std::string_view function{}, unique{}, reducer{}, workload{};

  friend bool operator==(const JobRecord&, const JobRecord&) = default;
};

/// A job that is queued (again): after it lost its worker, or because its time has come.
struct JobRequeued {
  JobNumber number;
  std::uint64_t position;
  std::uint32_t attempts_lost;

  friend bool operator==(const JobRequeued&, const JobRequeued&) = default;
};

class JobChanges {
 public:
  /// Copies the record and its texts.
  void add(const JobRecord& record);
  void requeue(const JobRequeued& job) { requeued_.push_back(job); }
  void remove(JobNumber number) { removed_.push_back(number); }

  [[nodiscard]] bool empty() const {
    return added_.empty() && requeued_.empty() && removed_.empty();
  }
  /// Of the texts.
  [[nodiscard]] std::size_t text_bytes() const { return texts_.size(); }

  // A store applies these three in this order: a job may be in all of them.
  [[nodiscard]] std::size_t added_count() const { return added_.size(); }
  // Requires: index < added_count(). The texts live as long as no record is added.
  [[nodiscard]] JobRecord added(std::size_t index) const;
  [[nodiscard]] std::span<const JobRequeued> requeued() const { return requeued_; }
  [[nodiscard]] std::span<const JobNumber> removed() const { return removed_; }

  /// Later changes, behind these, as one.
  void append(const JobChanges& later);
  /// The same without the jobs that are added: what takes no room.
  [[nodiscard]] JobChanges without_added() const;
  /// Leaves the jobs that are added, and of the rest what is about them.
  void keep_only_added();

  /// Keeps its memory, unless that is much.
  void clear();

 private:
  struct Added {
    JobRecord record;  ///< without texts, which lie one behind the other in texts_
    std::size_t offset;
    std::uint32_t function_bytes, unique_bytes, reducer_bytes, workload_bytes;
  };
  std::vector<Added> added_;
  std::string texts_;
  std::vector<JobRequeued> requeued_;
  std::vector<JobNumber> removed_;
};

}  // namespace gman
