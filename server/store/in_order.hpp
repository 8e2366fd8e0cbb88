// SPDX-License-Identifier: BSD-3-Clause
// InOrder: jobs in the order in which they are queued. A job that was queued again stands behind
// where its number would put it. A store gives jobs in the order of numbers, so such a job waits
// here for its turn.
#pragma once

#include <cstdint>
#include <limits>
#include <queue>
#include <utility>
#include <vector>

#include "server/engine/job_record.hpp"

namespace gman {

/// `Give` gets each job; its texts live until that returns.
template <typename Give>
class InOrder {
 public:
  explicit InOrder(Give give) : give_(std::move(give)) {}

  void take(const JobRecord& record) {
    if (record.position != record.number) return later_.push(Kept(record));
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

  void pass_on_up_to(std::uint64_t position) {
    while (!later_.empty() && later_.top().position() <= position) {
      give_(later_.top().changes.added(0));
      later_.pop();
    }
  }

  Give give_;
  std::priority_queue<Kept, std::vector<Kept>, Later> later_;
};

}  // namespace gman
