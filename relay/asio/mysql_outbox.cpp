// SPDX-License-Identifier: BSD-3-Clause
// The outbox in MySQL and MariaDB. A lease is one transaction of three statements, since UPDATE can
// neither skip what others have locked nor return rows; every other request is one statement.
#include <array>
#include <string>
#include <utility>

#include "relay/asio/outbox_table.hpp"

namespace gman::relay {
namespace {

using db::Parameter;

constexpr milliseconds poll_max{50};

// READ COMMITTED locks what is leased and not the gaps between, where others insert.
constexpr std::array session{
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET SESSION innodb_lock_wait_timeout = 10",
    "SET SESSION autocommit = 1",
    "SET SESSION time_zone = '+00:00'",
};

// Grouped by the index's first columns, all of them, so that a look goes from one function and
// priority to the next by the index, whatever lies between.
constexpr const char* look_sql = R"(
    SELECT head.delivery, head.function_name, head.priority,
           CEIL(TIMESTAMPDIFF(MICROSECOND, NOW(6), head.run_at) / 1000)
      FROM (SELECT state, delivery, function_name, priority, MIN(run_at) AS run_at
              FROM gman.outbox FORCE INDEX (outbox_by_time)
             GROUP BY state, delivery, function_name, priority) AS head
      LEFT JOIN gman.outbox_pause AS pause ON pause.function_name = head.function_name
     WHERE head.state = 'ready' AND pause.function_name IS NULL)";

constexpr const char* lock_sql = R"(
    SELECT id, OCTET_LENGTH(workload), run_at FROM gman.outbox FORCE INDEX (outbox_by_time)
     WHERE state = 'ready' AND delivery = ? AND function_name = ? AND priority = ?
       AND run_at <= NOW(6) AND (run_at > ? OR (run_at = ? AND id > ?))
       AND NOT EXISTS (SELECT 1 FROM gman.outbox_pause AS pause WHERE pause.function_name = ?)
     ORDER BY run_at, id LIMIT ? FOR UPDATE SKIP LOCKED)";

constexpr const char* lease_sql = R"(
    UPDATE JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS given
      STRAIGHT_JOIN gman.outbox AS job ON job.id = given.id
       SET job.run_at = NOW(6) + INTERVAL ? * 1000 MICROSECOND,
           job.lease_until = NOW(6) + INTERVAL ? * 1000 MICROSECOND,
           job.leased_by = ?, job.attempts = job.attempts + 1)";

constexpr const char* read_sql = R"(
    SELECT job.id, job.attempts, job.function_name, job.unique_key, job.workload
      FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS given
      STRAIGHT_JOIN gman.outbox AS job ON job.id = given.id)";

constexpr const char* delete_sql = R"(
    DELETE job FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS given
      STRAIGHT_JOIN gman.outbox AS job ON job.id = given.id)";

constexpr const char* return_sql = R"(
    UPDATE JSON_TABLE(?, '$[*]' COLUMNS (
             id BIGINT UNSIGNED PATH '$.id', attempts INT UNSIGNED PATH '$.attempts',
             dead INT PATH '$.dead', unsent INT PATH '$.unsent', delay_ms BIGINT PATH '$.delay_ms',
             error TEXT CHARACTER SET utf8mb4 PATH '$.error')) AS given
      STRAIGHT_JOIN gman.outbox AS job ON job.id = given.id
       SET job.state = IF(given.dead = 1, 'dead', 'ready'),
           job.run_at = NOW(6) + INTERVAL given.delay_ms * 1000 MICROSECOND,
           job.lease_until = NULL, job.leased_by = NULL, job.attempts = job.attempts - given.unsent,
           job.last_error = COALESCE(given.error, job.last_error)
     WHERE job.attempts = given.attempts AND job.leased_by = ?)";

constexpr const char* renew_sql = R"(
    UPDATE JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS given
      STRAIGHT_JOIN gman.outbox AS job ON job.id = given.id
       SET job.run_at = NOW(6) + INTERVAL ? * 1000 MICROSECOND,
           job.lease_until = NOW(6) + INTERVAL ? * 1000 MICROSECOND
     WHERE job.leased_by = ?)";

class MysqlOutbox final : public OutboxTable {
 public:
  MysqlOutbox(std::unique_ptr<db::Connection> connection, std::string relay)
      : connection_(std::move(connection)), relay_(std::move(relay)) {}

 private:
  [[nodiscard]] db::Result<OutboxOpened> open() override {
    for (const char* statement : session) {
      if (const auto set = connection_->execute(statement); !set) return set.error();
    }
    const auto setting = connection_->execute("SELECT database_uuid FROM gman.outbox_setting");
    if (!setting) {
      const bool is_missing = setting.error().sqlstate == "42S02";
      if (!is_missing) return setting.error();
      return db::Error{db::ErrorKind::refused, "42S02",
                       "there is no outbox on this server: run sql/mysql/outbox.sql"};
    }
    if (setting->size() != 1) {
      return db::Error{db::ErrorKind::refused, {}, "gman.outbox_setting has not one row"};
    }
    return OutboxOpened{.database_uuid = *setting->at(0, 0), .poll_max = poll_max};
  }

  [[nodiscard]] db::Result<Looked> look() override {
    const auto rows = connection_->execute(look_sql);
    if (!rows) return rows.error();
    return looked_at(*rows);
  }

  [[nodiscard]] db::Result<Leased> lease(const Lease& request) override {
    // START TRANSACTION cannot be prepared everywhere; this begins one with the next statement, and
    // commits it when it is set back.
    if (const auto begun = connection_->execute("SET SESSION autocommit = 0"); !begun) {
      return begun.error();
    }
    auto leased = lease_in_transaction(request);
    if (leased) {
      if (const auto ended = connection_->execute("SET SESSION autocommit = 1"); !ended) {
        return ended.error();
      }
    }
    return leased;
  }

  [[nodiscard]] db::Result<Leased> lease_in_transaction(const Lease& request) {
    const std::string rows_max = std::to_string(request.rows_max);
    const Place after = request.after.value_or(Place{"1970-01-01 00:00:01", 0});
    const std::string after_id = std::to_string(after.id);
    const std::array group{Parameter::text(name_of(request.group.delivery)),
                           Parameter::text(request.group.function),
                           Parameter::text(name_of(request.group.priority)),
                           Parameter::text(after.run_at),
                           Parameter::text(after.run_at),
                           Parameter::text(after_id),
                           Parameter::text(request.group.function),
                           Parameter::text(rows_max)};
    const auto due = connection_->execute(lock_sql, group);
    if (!due) return due.error();
    std::vector<std::uint64_t> ids;
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < due->size() && bytes < request.bytes_max; ++i) {
      ids.push_back(number_in(*due, i, 0));
      bytes += number_in(*due, i, 1);
    }
    if (ids.empty()) return Leased{};
    const Place last{*due->at(ids.size() - 1, 2), ids.back()};

    const std::string list = "[" + list_of(ids) + "]";
    const std::string length = std::to_string(request.length.count());
    const auto marked = connection_->execute(
        lease_sql, std::array{Parameter::text(list), Parameter::text(length),
                              Parameter::text(length), Parameter::text(relay_)});
    if (!marked) return marked.error();
    const auto rows = connection_->execute(read_sql, std::array{Parameter::text(list)});
    if (!rows) return rows.error();
    Leased leased = leased_from(*rows);
    leased.last = last;
    return leased;
  }

  [[nodiscard]] db::Result<Done> remove(const Delete& request) override {
    const std::string list = "[" + list_of(request.ids) + "]";
    return run(delete_sql, std::array{Parameter::text(list)});
  }

  [[nodiscard]] db::Result<Done> give_back(const Return& request) override {
    const std::string rows = json_of(request.rows);
    return run(return_sql, std::array{Parameter::text(rows), Parameter::text(relay_)});
  }

  [[nodiscard]] db::Result<Done> renew(const Renew& request) override {
    const std::string list = "[" + list_of(request.ids) + "]";
    const std::string length = std::to_string(request.length.count());
    return run(renew_sql, std::array{Parameter::text(list), Parameter::text(length),
                                     Parameter::text(length), Parameter::text(relay_)});
  }

  [[nodiscard]] db::Result<Done> forget_dead(const ForgetDead& request) override {
    const std::string days = std::to_string(request.days);
    return run("CALL gman.forget_dead(?)", std::array{Parameter::text(days)});
  }

  [[nodiscard]] db::Result<Done> run(const char* sql, std::span<const Parameter> parameters) {
    const auto rows = connection_->execute(sql, parameters);
    if (!rows) return rows.error();
    return Done{rows->affected};
  }

  std::unique_ptr<db::Connection> connection_;
  std::string relay_;
};

}  // namespace

db::Result<std::unique_ptr<OutboxTable>> mysql_outbox(std::unique_ptr<db::Connection> connection,
                                                      std::string relay) {
  return std::unique_ptr<OutboxTable>(
      std::make_unique<MysqlOutbox>(std::move(connection), std::move(relay)));
}

}  // namespace gman::relay
