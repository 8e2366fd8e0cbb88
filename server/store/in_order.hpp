// SPDX-License-Identifier: BSD-3-Clause
// InOrder: jobs in the order in which they are queued. A job that was queued again stands behind
// where its number would put it. A store gives jobs in the order of numbers, so such a job waits
// here for its turn; where such jobs are large, without its workload.
#pragma once

#include <cstdint>
#include <limits>
#include <queue>
#include <utility>
#include <vector>

#include "server/engine/engine.hpp"
#include "server/engine/job_record.hpp"

namespace gman {

/// `Give` gets each job; its texts live until that returns. Of the workloads that wait here, so
/// many bytes are kept, unless that is 0: what is more stays away, where a job can do without.
template <typename Give>
class InOrder {
 public:
  InOrder(std::uint64_t bytes_max, Give give) : bytes_max_(bytes_max), give_(std::move(give)) {}

  void take(const JobRecord& record) {
    if (record.position != record.number) return keep(record);
    pass_on_up_to(record.number);
    give_(record);
  }
  void finish() { pass_on_up_to(std::numeric_limits<std::uint64_t>::max()); }

 private:
  struct Kept {
    explicit Kept(const JobRecord& from) { changes.add(from); }
    [[nodiscard]] std::uint64_t position() const { return changes.added(0).position; }
    JobChanges changes;  ///< of one, which owns its texts
  };
  struct Later {
    bool operator()(const Kept& a, const Kept& b) const { return a.position() > b.position(); }
  };

  void keep(JobRecord record) {
    const bool is_too_much = bytes_max_ != 0 && bytes_ + record.workload.size() > bytes_max_;
    if (is_too_much && Engine::can_stay_away(record)) {
      record.away_bytes = static_cast<std::uint32_t>(record.workload.size());
      record.workload = {};
    }
    bytes_ += record.workload.size();
    later_.push(Kept(record));
  }
  void pass_on_up_to(std::uint64_t position) {
    while (!later_.empty() && later_.top().position() <= position) {
      const JobRecord record = later_.top().changes.added(0);
      bytes_ -= record.workload.size();
      give_(record);
      later_.pop();
    }
  }

  const std::uint64_t bytes_max_;
  std::uint64_t bytes_ = 0;
  Give give_;
  std::priority_queue<Kept, std::vector<Kept>, Later> later_;
};

}  // namespace gman
