// SPDX-License-Identifier: BSD-3-Clause
// RememberedUniques: which rows of outboxes had jobs that have ended, for a time.
//
// gman-relay names a job "<database uuid>:<row>". When the answer to its submit is lost it submits
// again; while the job lives it is joined, and here is what recognises it afterwards. Such a name
// belongs to one row for ever, so the function is no part of it. Nothing else is remembered:
// another client's unique may be used again as soon as its job has ended.
//
// Bounded in number and in time: the oldest is forgotten first. It lives in memory, so a restart of
// the server forgets all (docs/DELIVERY.md).
#pragma once

#include <array>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>

#include "base/time.hpp"

namespace gman::engine {

/// What such a unique says.
struct OutboxRow {
  std::uint64_t uuid_high = 0;
  std::uint64_t uuid_low = 0;
  std::uint64_t row = 0;

  friend bool operator==(const OutboxRow&, const OutboxRow&) = default;
};

/// nullopt: the unique is none that a relay made.
[[nodiscard]] std::optional<OutboxRow> outbox_row_of(std::string_view unique);

class RememberedUniques {
 public:
  /// What is above the new limits is forgotten with the next call.
  void limit(std::size_t count_max, milliseconds window) {
    count_max_ = count_max;
    window_ = window;
  }
  [[nodiscard]] bool is_on() const { return count_max_ > 0 && window_ > milliseconds(0); }

  /// Uniques that no relay made are not; those that are known are from their first end on.
  void remember(std::string_view unique, Instant now);
  [[nodiscard]] bool knows(std::string_view unique, Instant now);
  [[nodiscard]] std::size_t size() const { return ended_.size(); }

 private:
  struct Hash {
    std::size_t operator()(const OutboxRow& row) const;
  };
  struct Ended {
    OutboxRow row;
    Instant at;
  };
  using Table = boost::unordered_flat_set<OutboxRow, Hash>;

  void forget_old(Instant now, std::size_t count_max);
  [[nodiscard]] Table& table_of(const OutboxRow& row) {
    return tables_[Hash{}(row) % tables_.size()];
  }

  std::size_t count_max_ = 0;
  milliseconds window_{0};
  std::deque<Ended> ended_;        // the oldest first
  std::array<Table, 251> tables_;  // small ones: none takes long to grow
};

}  // namespace gman::engine
