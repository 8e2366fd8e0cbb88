// SPDX-License-Identifier: BSD-3-Clause
// The outbox in MySQL and MariaDB. A lease is one transaction of three statements, since UPDATE can
// neither skip what others have locked nor return rows; every other request is one statement.
#include <array>
#include <string>
#include <utility>

#include "relay/asio/outbox_table.hpp"
#include "relay/core/id_list.hpp"

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

constexpr const char* look_sql = R"(
    SELECT delivery, function_name, priority, due_in_ms
      FROM JSON_TABLE(gman.due(), '$[*]' COLUMNS (
             delivery VARCHAR(16) PATH '$.delivery',
             function_name VARCHAR(512) CHARACTER SET utf8mb4 PATH '$.function',
             priority VARCHAR(16) PATH '$.priority',
             due_in_ms BIGINT PATH '$.due_in_ms')) AS due)";

// A workload that is not small is read once it is known that it fits.
constexpr const char* lock_sql = R"(
    SELECT id, attempts + 1, function_name, unique_key,
           IF(OCTET_LENGTH(workload) <= 4096, workload, NULL), OCTET_LENGTH(workload), run_at
      FROM gman.outbox FORCE INDEX (outbox_by_time)
     WHERE state = 'ready' AND delivery = ? AND function_name = ? AND priority = ?
       AND run_at <= NOW(6) AND (run_at > ? OR (run_at = ? AND id > ?))
       AND NOT EXISTS (SELECT 1 FROM gman.outbox_pause AS pause WHERE pause.function_name = ?)
     ORDER BY run_at, id LIMIT ? FOR UPDATE SKIP LOCKED)";

constexpr const char* read_sql = "SELECT workload FROM gman.outbox WHERE id = ?";

constexpr const char* return_sql = R"(
    UPDATE JSON_TABLE(?, '$[*]' COLUMNS (
             id BIGINT UNSIGNED PATH '$.id', attempts INT UNSIGNED PATH '$.attempts',
             dead INT PATH '$.dead', unsent INT PATH '$.unsent', delay_ms BIGINT PATH '$.delay_ms',
             error TEXT CHARACTER SET utf8mb4 PATH '$.error')) AS given
      STRAIGHT_JOIN gman.outbox AS job ON job.id = given.id
       SET job.state = IF(given.dead = 1, 'dead', 'ready'),
           job.run_at = NOW(6) + INTERVAL given.delay_ms * 1000 MICROSECOND,
           job.leased_by = '', job.attempts = job.attempts - given.unsent,
           job.last_error = COALESCE(given.error, job.last_error)
     WHERE job.attempts = given.attempts AND job.leased_by = ?)";

class MysqlOutbox final : public OutboxTable {
 public:
  MysqlOutbox(std::unique_ptr<db::Connection> connection, std::string relay)
      : connection_(std::move(connection)), relay_(std::move(relay)) {}

  [[nodiscard]] db::Result<std::string> database_uuid() override {
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
    return *setting->at(0, 0);
  }

 private:
  [[nodiscard]] db::Result<OutboxOpened> open() override {
    auto uuid = database_uuid();
    if (!uuid) return uuid.error();
    return OutboxOpened{.database_uuid = *std::move(uuid), .poll_max = poll_max};
  }

  [[nodiscard]] db::Result<Looked> look() override {
    const auto rows = connection_->execute(look_sql);
    if (!rows) return rows.error();
    return looked_at(*rows);
  }

  [[nodiscard]] db::Result<Leased> lease(const Lease& request) override {
    if (const auto begun = connection_->run("START TRANSACTION"); !begun) return begun.error();
    auto leased = lease_in_transaction(request);
    if (!leased) return leased;
    if (const auto ended = connection_->run("COMMIT"); !ended) return ended.error();
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
    auto due = connection_->execute(lock_sql, group);
    if (!due) return due.error();
    if (due->size() == 0) return Leased{};

    Leased leased;
    std::vector<std::uint64_t> ids;
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < due->size() && bytes < request.bytes_max; ++i) {
      ids.push_back(number_in(*due, i, 0));
      bytes += number_in(*due, i, 5);
      auto& workload = due->cells[i * due->columns + 4];
      if (!workload) {
        const std::string id = std::to_string(ids.back());
        const auto read = connection_->execute(read_sql, std::array{Parameter::text(id)});
        if (!read) return read.error();
        workload = read->at(0, 0);
      }
      leased.last = Place{*due->at(i, 6), ids.back()};
    }
    due->cells.resize(ids.size() * due->columns);
    const auto marked =
        connection_->run("UPDATE gman.outbox SET attempts = attempts + 1, leased_by = '" + relay_ +
                         "', " + until(request.length) + " WHERE " + condition_of(ids));
    if (!marked) return marked.error();
    leased.rows = leased_from(*due).rows;
    return leased;
  }

  // Numbers in the text itself: a join with a list of them costs three times as much here.
  [[nodiscard]] db::Result<Done> remove(const Delete& request) override {
    return run("DELETE FROM gman.outbox WHERE " + condition_of(request.ids));
  }

  [[nodiscard]] db::Result<Done> give_back(const Return& request) override {
    const std::string given = json_of(request.rows);
    const auto rows = connection_->execute(
        return_sql, std::array{Parameter::text(given), Parameter::text(relay_)});
    if (!rows) return rows.error();
    return Done{};
  }

  [[nodiscard]] db::Result<Done> renew(const Renew& request) override {
    return run("UPDATE gman.outbox SET " + until(request.length) + " WHERE leased_by = '" + relay_ +
               "' AND " + condition_of(request.ids));
  }

  static std::string until(milliseconds length) {
    return "run_at = NOW(6) + INTERVAL " + std::to_string(length.count()) + " * 1000 MICROSECOND";
  }

  [[nodiscard]] db::Result<Done> forget_dead(const ForgetDead& request) override {
    return run("CALL gman.forget_dead(" + std::to_string(request.days) + ")");
  }

  [[nodiscard]] db::Result<Done> run(const std::string& sql) {
    const auto changed = connection_->run(sql);
    if (!changed) return changed.error();
    return Done{};
  }

  std::unique_ptr<db::Connection> connection_;
  std::string relay_;
};

}  // namespace

db::Result<std::unique_ptr<OutboxTable>> mysql_outbox(std::unique_ptr<db::Connection> connection,
                                                      std::string relay) {
  for (const char* statement : session) {
    if (const auto set = connection->execute(statement); !set) return set.error();
  }
  return std::unique_ptr<OutboxTable>(
      std::make_unique<MysqlOutbox>(std::move(connection), std::move(relay)));
}

}  // namespace gman::relay
