// SPDX-License-Identifier: BSD-3-Clause
// EarlierHandles: the handles of restored jobs. A job keeps the one that it was given when it was
// submitted, in an earlier start of the server.
//
// 16 bytes a restored job, until the last of them is gone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/engine/job.hpp"
#include "server/engine/job_handle.hpp"

namespace gman::engine {

class EarlierHandles {
 public:
  /// Handles of that start begin with `prefix`, as JobHandles makes them.
  void know_start(std::uint32_t start, std::string prefix) {
    starts_.push_back({start, JobHandles(std::move(prefix))});
  }

  // Requires: slots come in order, from 0 on, and before the first find().
  void add(JobSlot slot, std::uint32_t start, std::uint64_t handle_number);
  /// A restored job is gone.
  void forget_one();

  // Requires: a job was restored to this slot.
  [[nodiscard]] JobHandles::Text format(JobSlot slot) const;
  [[nodiscard]] std::uint64_t handle_number_of(JobSlot slot) const { return handle_numbers_[slot]; }
  /// Where the job with this handle was restored to; nullopt: no such handle.
  [[nodiscard]] std::optional<JobSlot> find(std::string_view handle) const;

 private:
  struct Start {
    std::uint32_t number;
    JobHandles handles;
  };

  std::vector<Start> starts_;
  std::vector<std::uint64_t> handle_numbers_;  ///< by slot
  std::vector<std::uint32_t> start_of_;        ///< by slot: an index of starts_
  mutable std::vector<JobSlot> by_handle_;     ///< sorted when it is first needed
  std::size_t left_ = 0;
};

}  // namespace gman::engine
