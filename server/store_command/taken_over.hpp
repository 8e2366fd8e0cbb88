// SPDX-License-Identifier: BSD-3-Clause
// TakenOver: jobs from elsewhere on their way into a store, in batches. Each run has its own start
// there, as each run of a server has.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "server/store/store.hpp"

namespace gman {

class TakenOver {
 public:
  /// `what` becomes a part of the handles.
  TakenOver(Store& into, std::string what) : into_(into), what_(std::move(what)) {}

  [[nodiscard]] std::optional<StoreFault> begin() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto starts = into_.begin(
        "H:" + what_ + ":" +
        std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(now).count()));
    if (const auto* failed = std::get_if<StoreFault>(&starts)) return *failed;
    next_ = JobNumber{std::get<std::vector<StoreStart>>(starts).back().number}
            << job_number_start_shift;
    return std::nullopt;
  }

  /// Behind those that came before it, with a number and a handle of this run.
  [[nodiscard]] std::optional<StoreFault> add(JobRecord job) {
    job.number = next_++;
    job.position = job.number;
    // 0 is no handle's.
    job.handle_number = (job.number & ((JobNumber{1} << job_number_start_shift) - 1)) + 1;
    changes_.add(job);
    const bool is_full = changes_.added_count() >= jobs_max || changes_.text_bytes() >= bytes_max;
    return is_full ? commit() : std::nullopt;
  }

  /// What was added and is not stored yet.
  [[nodiscard]] std::optional<StoreFault> commit() {
    if (auto failed = into_.commit(changes_)) return failed;
    stored_ += changes_.added_count();
    changes_.clear();
    return std::nullopt;
  }

  /// How many are stored.
  [[nodiscard]] std::uint64_t count() const { return stored_; }

 private:
  static constexpr std::size_t jobs_max = 10'000;
  static constexpr std::size_t bytes_max = std::size_t{16} << 20;

  Store& into_;
  std::string what_;
  JobChanges changes_;
  JobNumber next_ = 0;
  std::uint64_t stored_ = 0;
};

}  // namespace gman
