// SPDX-License-Identifier: BSD-3-Clause
// OutboxTable: one database's outbox by SQL. What a request means is said once here; each dialect
// has a file with its statements. It blocks, and belongs to one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "db/connection.hpp"
#include "relay/core/outbox.hpp"

namespace gman::relay {

class OutboxTable {
 public:
  virtual ~OutboxTable() = default;

  // Do what was asked. After a failure the connection is not to be used any longer.
  [[nodiscard]] LeaseAnswer answer(const LeaseRequest& request);
  [[nodiscard]] SettleAnswer settle(const SettleRequest& request);

  /// Which database the connection leads to.
  [[nodiscard]] virtual db::Result<std::string> database_uuid() = 0;

  /// See db::Connection; -1 as well where nobody is to be notified.
  [[nodiscard]] virtual int notification_fd() const { return -1; }
  /// So that the descriptor is quiet again.
  virtual void take_notifications() {}

 protected:
  [[nodiscard]] virtual db::Result<OutboxOpened> open() = 0;
  [[nodiscard]] virtual db::Result<Looked> look() = 0;
  [[nodiscard]] virtual db::Result<Leased> lease(const Lease& request) = 0;
  [[nodiscard]] virtual db::Result<Done> remove(const Delete& request) = 0;
  [[nodiscard]] virtual db::Result<Done> give_back(const Return& request) = 0;
  [[nodiscard]] virtual db::Result<Done> renew(const Renew& request) = 0;
  [[nodiscard]] virtual db::Result<Done> forget_dead(const ForgetDead& request) = 0;
};

/// Connects, for either line. `relay` is the uuid under which rows are leased.
[[nodiscard]] db::Result<std::unique_ptr<OutboxTable>> open_outbox(const std::string& url,
                                                                   const std::string& relay);

// What both dialects need.
[[nodiscard]] db::Result<std::unique_ptr<OutboxTable>> postgres_outbox(
    std::unique_ptr<db::Connection> connection, std::string relay);
[[nodiscard]] db::Result<std::unique_ptr<OutboxTable>> mysql_outbox(
    std::unique_ptr<db::Connection> connection, std::string relay);

/// As the tables write them.
[[nodiscard]] std::string_view name_of(Delivery delivery);
[[nodiscard]] std::string_view name_of(Priority priority);

/// delivery, function_name, priority, milliseconds until the first is due.
[[nodiscard]] Looked looked_at(const db::Rows& rows);
/// id, attempts, function_name, unique_key, workload; by ascending id. Their place is the caller's.
[[nodiscard]] Leased leased_from(const db::Rows& rows);
[[nodiscard]] std::uint64_t number_in(const db::Rows& rows, std::size_t row, std::size_t column);
/// A list of objects with id, attempts, dead, unsent, delay_ms, error (or null).
[[nodiscard]] std::string json_of(const std::vector<Returned>& rows);

}  // namespace gman::relay
