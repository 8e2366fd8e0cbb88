// SPDX-License-Identifier: BSD-3-Clause
// What the relay asks of an outbox, and what it is answered, as values. SQL is in relay/asio.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/time.hpp"
#include "protocol/request.hpp"

namespace gman::relay {

/// When a row is deleted: once a job server has its job, or once a worker has completed it.
enum class Delivery : std::uint8_t { queue, completion };

/// Rows that one statement leases together: they share an index and a packet.
struct Group {
  Delivery delivery = Delivery::queue;
  std::string function;
  Priority priority = Priority::normal;

  friend bool operator==(const Group&, const Group&) = default;
};

/// The last row that a lease took of its group: the next one goes on behind it, and so does not
/// walk over what the index still holds of rows that are gone.
struct Place {
  std::string run_at;  ///< as the database writes it
  std::uint64_t id = 0;
};

struct DueGroup {
  Group group;
  milliseconds due_in{0};  ///< until its first row is due; 0 or less: it is
};

struct Row {
  std::uint64_t id = 0;
  std::uint32_t attempts = 0;  ///< this one counted
  std::string function;
  std::optional<std::string> unique_key;  ///< nullopt: the relay makes one
  std::string workload;
};

/// A row that goes back to the outbox, to be leased again or not.
struct Returned {
  std::uint64_t id = 0;
  std::uint32_t attempts = 0;  ///< of the lease: who has leased it since, keeps it
  bool is_dead = false;
  bool was_sent = true;  ///< false: the attempt does not count
  milliseconds delay{0};
  std::string error;  ///< empty: the last one stays
};

// What is asked by two lines, each of which has one request at a time: one finds and leases rows,
// the other one settles what became of them, so that neither waits for the other.

// Requests of the line that leases.
struct Open {};
/// Answered at once. If nothing is due, the outbox is looked at again and again from then on, with
/// waits that double up to the longest, until something is due, which is then noticed, or until the
/// next request.
struct Look {
  milliseconds wait_first{0};
  milliseconds wait_max{0};
};
struct Lease {
  Group group;
  std::optional<Place> after;  ///< nullopt: from the group's beginning
  std::size_t rows_max = 0;
  std::size_t bytes_max = 0;
  milliseconds length{0};
};
using LeaseRequest = std::variant<Open, Look, Lease>;

// Requests of the line that settles. Where a connection is lost, nobody knows whether its last
// statement was done. Each of these may be done a second time, in the database that the rows are
// of: a URL may lead to another one from one connection to the next, with rows of the same ids.

/// Ids are never given again, and a row is not leased again before its lease ends.
struct Delete {
  std::vector<std::uint64_t> ids;
};
/// A row that went back is no longer leased, and one that is not leased does not go back. Only one
/// whose attempt does not count could be leased again and look the same: so nothing is leased
/// while rows go back.
struct Return {
  std::vector<Returned> rows;
};
/// Later is what was meant.
struct Renew {
  std::vector<std::uint64_t> ids;
  milliseconds length{0};
};
/// What is gone is gone.
struct ForgetDead {
  std::uint32_t days = 0;
};
using SettleRequest = std::variant<Delete, Return, Renew, ForgetDead>;

// Answers.
struct OutboxOpened {
  std::string database_uuid;
  milliseconds poll_max{0};  ///< the longest wait between two looks
};
struct Looked {
  std::vector<DueGroup> groups;
};
struct Leased {
  std::vector<Row> rows;
  std::optional<Place> last;  ///< of rows that are not empty
};
struct Done {};
struct OutboxFailure {
  std::string reason;
};
/// To what was to be settled: nothing was done.
struct OtherDatabase {};
using LeaseAnswer = std::variant<OutboxOpened, Looked, Leased, OutboxFailure>;
using SettleAnswer = std::variant<Done, OtherDatabase, OutboxFailure>;

}  // namespace gman::relay
