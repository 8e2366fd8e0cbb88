// SPDX-License-Identifier: BSD-3-Clause
// EarlierHandles: the handles by which clients of earlier starts of the server know jobs that were
// restored. A job gets a handle of this start as well, which is what everybody is told from now on.
//
// 16 bytes a restored job, until the last of them is gone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/engine/job.hpp"
#include "server/engine/job_handle.hpp"

namespace gman::engine {

class EarlierHandles {
 public:
  /// Handles of that start begin with `prefix`, as JobHandles makes them.
  void know_start(std::uint32_t start, std::string prefix) {
    prefixes_.push_back({start, JobHandles(std::move(prefix))});
  }

  // Requires: slots come in order, from 0 on, and before the first find().
  void add(JobSlot slot, std::uint32_t start, std::uint64_t handle_number);
  /// A restored job is gone.
  void forget_one();

  /// The place that the job had when it was restored, and the start that the handle is of; nullopt:
  /// no such handle. The caller looks whether the job is still there.
  struct Found {
    JobSlot slot;
    std::uint32_t start;
  };
  [[nodiscard]] std::optional<Found> find(std::string_view handle);

  /// nullopt: it was not restored.
  [[nodiscard]] std::optional<std::uint64_t> handle_number_of(JobSlot slot) const {
    if (slot >= handle_numbers_.size()) return std::nullopt;
    return handle_numbers_[slot];
  }

 private:
  struct Prefix {
    std::uint32_t start;
    JobHandles handles;
  };
  std::vector<Prefix> prefixes_;
  std::vector<std::uint64_t> handle_numbers_;  ///< by slot
  std::vector<std::uint32_t> starts_;          ///< by slot
  std::vector<JobSlot> by_handle_;             ///< sorted when it is first needed
  std::size_t left_ = 0;
};

}  // namespace gman::engine
