// SPDX-License-Identifier: BSD-3-Clause
// The outbox in PostgreSQL. Each request is one statement, and so one transaction.
#include <array>
#include <string>
#include <utility>

#include "relay/asio/outbox_table.hpp"
#include "relay/core/id_list.hpp"

namespace gman::relay {
namespace {

using db::Parameter;

constexpr milliseconds poll_max{25};
// Who is notified looks only for rows that come due by their time, or that somebody else inserted.
constexpr milliseconds poll_max_notified{250};

// A plan that was made while the table was small is used on when it has ten million rows: so it is
// to be by the index from the beginning.
constexpr std::array session{
    "SET application_name = 'gman-relay'",
    "SET enable_seqscan = off",
    "SET enable_bitmapscan = off",
    "SET jit = off",
    "SET lock_timeout = '10s'",
    "SET TIME ZONE 'UTC'",
};

// From one function and priority to the next by the index, whatever lies between.
constexpr const char* look_sql = R"(
    WITH RECURSIVE head AS (
      (SELECT delivery, function_name, priority, run_at FROM gman.outbox
        WHERE state = 'ready'
        ORDER BY delivery, function_name, priority, run_at LIMIT 1)
      UNION ALL
      SELECT next.* FROM head, LATERAL (
        SELECT delivery, function_name, priority, run_at FROM gman.outbox
         WHERE state = 'ready' AND (delivery, function_name, priority)
               > (head.delivery, head.function_name, head.priority)
         ORDER BY delivery, function_name, priority, run_at LIMIT 1) AS next)
    SELECT delivery, function_name, priority,
           ceil(extract(epoch FROM run_at - clock_timestamp()) * 1000)::bigint
      FROM head
     WHERE NOT EXISTS (SELECT FROM gman.outbox_pause AS pause
                        WHERE pause.function_name = head.function_name))";

// What is locked but does not fit is free again when the statement ends. The commit need not wait
// for the disk: a lease that a crash undoes is one that has ended.
constexpr const char* lease_sql = R"(
    WITH due AS MATERIALIZED (
      SELECT id, run_at, octet_length(workload) AS bytes FROM gman.outbox
       WHERE state = 'ready' AND delivery = $1::gman.job_delivery AND function_name = $2::text
         AND priority = $3::gman.job_priority AND run_at <= clock_timestamp()
         AND (run_at, id) > ($8::timestamptz, $9::bigint)
         AND NOT EXISTS (SELECT FROM gman.outbox_pause AS pause
                          WHERE pause.function_name = $2::text)
       ORDER BY run_at, id LIMIT $4::bigint FOR UPDATE SKIP LOCKED),
    summed AS (
      SELECT id, run_at, sum(bytes) OVER (ORDER BY run_at, id) - bytes AS bytes_before FROM due),
    fitting AS MATERIALIZED (
      SELECT id, run_at FROM summed WHERE bytes_before < $5::bigint)
    UPDATE gman.outbox SET
           run_at = clock_timestamp() + $6::bigint * interval '1 ms',
           lease_until = clock_timestamp() + $6::bigint * interval '1 ms',
           leased_by = $7::uuid, attempts = attempts + 1
     WHERE id = ANY (ARRAY (SELECT id FROM fitting))
    RETURNING id, attempts, function_name, unique_key, workload,
              (SELECT run_at FROM fitting ORDER BY run_at DESC, id DESC LIMIT 1),
              (SELECT id FROM fitting ORDER BY run_at DESC, id DESC LIMIT 1),
              (SELECT set_config('synchronous_commit', 'off', true)))";

constexpr const char* delete_sql = "DELETE FROM gman.outbox WHERE id = ANY ($1::bigint[])";

constexpr const char* return_sql = R"(
    UPDATE gman.outbox AS job SET
           state = (CASE WHEN given.dead = 1 THEN 'dead' ELSE 'ready' END)::gman.job_state,
           run_at = clock_timestamp() + given.delay_ms * interval '1 ms',
           lease_until = NULL, leased_by = NULL, attempts = job.attempts - given.unsent,
           last_error = coalesce(given.error, job.last_error)
      FROM jsonb_to_recordset($1::jsonb) AS given(id bigint, attempts integer, dead integer,
                                                unsent integer, delay_ms bigint, error text)
     WHERE job.id = given.id AND job.attempts = given.attempts AND job.leased_by = $2::uuid)";

constexpr const char* renew_sql = R"(
    UPDATE gman.outbox SET run_at = clock_timestamp() + $2::bigint * interval '1 ms',
           lease_until = clock_timestamp() + $2::bigint * interval '1 ms'
     WHERE id = ANY ($1::bigint[]) AND leased_by = $3::uuid)";

class PostgresOutbox final : public OutboxTable {
 public:
  PostgresOutbox(std::unique_ptr<db::Connection> connection, std::string relay)
      : connection_(std::move(connection)), relay_(std::move(relay)) {}

  [[nodiscard]] int notification_fd() const override {
    return is_listening_ ? connection_->notification_fd() : -1;
  }
  [[nodiscard]] db::Result<std::string> database_uuid() override {
    const auto row = setting();
    if (!row) return row.error();
    return *row->at(0, 0);
  }

  // A connection that is lost shows at the next request.
  void take_notifications() override {
    if (!is_listening_) return;
    const auto taken = connection_->take_notifications();
    if (!taken) is_listening_ = false;
  }

 private:
  [[nodiscard]] db::Result<db::Rows> setting() {
    auto row =
        connection_->execute("SELECT database_uuid, notify::integer FROM gman.outbox_setting");
    if (!row) {
      const bool is_missing = row.error().sqlstate == "42P01";
      if (!is_missing) return row.error();
      return db::Error{db::ErrorKind::refused, "42P01",
                       "there is no outbox in this database: run sql/postgres/outbox.sql"};
    }
    if (row->size() != 1) {
      return db::Error{db::ErrorKind::refused, {}, "gman.outbox_setting has not one row"};
    }
    return row;
  }

  [[nodiscard]] db::Result<OutboxOpened> open() override {
    const auto row = setting();
    if (!row) return row.error();
    is_listening_ = number_in(*row, 0, 1) != 0;
    if (is_listening_) {
      if (const auto heard = connection_->execute("LISTEN gman_outbox"); !heard) {
        return heard.error();
      }
    }
    return OutboxOpened{.database_uuid = *row->at(0, 0),
                        .poll_max = is_listening_ ? poll_max_notified : poll_max};
  }

  [[nodiscard]] db::Result<Looked> look() override {
    const auto rows = connection_->execute(look_sql);
    if (!rows) return rows.error();
    return looked_at(*rows);
  }

  [[nodiscard]] db::Result<Leased> lease(const Lease& request) override {
    const std::string rows_max = std::to_string(request.rows_max);
    const std::string bytes_max = std::to_string(request.bytes_max);
    const std::string length = std::to_string(request.length.count());
    const Place after = request.after.value_or(Place{"-infinity", 0});
    const std::string after_id = std::to_string(after.id);
    const std::array parameters{Parameter::text(name_of(request.group.delivery)),
                                Parameter::text(request.group.function),
                                Parameter::text(name_of(request.group.priority)),
                                Parameter::text(rows_max),
                                Parameter::text(bytes_max),
                                Parameter::text(length),
                                Parameter::text(relay_),
                                Parameter::text(after.run_at),
                                Parameter::text(after_id)};
    const auto rows = connection_->execute(lease_sql, parameters);
    if (!rows) return rows.error();
    Leased leased = leased_from(*rows);
    if (rows->size() > 0) leased.last = Place{*rows->at(0, 5), number_in(*rows, 0, 6)};
    return leased;
  }

  [[nodiscard]] db::Result<Done> remove(const Delete& request) override {
    const std::string ids = array_of(request.ids);
    return run(delete_sql, std::array{Parameter::text(ids)});
  }

  [[nodiscard]] db::Result<Done> give_back(const Return& request) override {
    const std::string rows = json_of(request.rows);
    return run(return_sql, std::array{Parameter::text(rows), Parameter::text(relay_)});
  }

  [[nodiscard]] db::Result<Done> renew(const Renew& request) override {
    const std::string ids = array_of(request.ids);
    const std::string length = std::to_string(request.length.count());
    return run(renew_sql,
               std::array{Parameter::text(ids), Parameter::text(length), Parameter::text(relay_)});
  }

  [[nodiscard]] db::Result<Done> forget_dead(const ForgetDead& request) override {
    const std::string days = std::to_string(request.days);
    return run("SELECT gman.forget_dead($1::integer * interval '1 day')",
               std::array{Parameter::text(days)});
  }

  [[nodiscard]] db::Result<Done> run(const char* sql, std::span<const Parameter> parameters) {
    const auto rows = connection_->execute(sql, parameters);
    if (!rows) return rows.error();
    return Done{};
  }

  static std::string array_of(const std::vector<std::uint64_t>& ids) {
    return "{" + list_of(ids) + "}";
  }

  std::unique_ptr<db::Connection> connection_;
  std::string relay_;
  bool is_listening_ = false;
};

}  // namespace

db::Result<std::unique_ptr<OutboxTable>> postgres_outbox(std::unique_ptr<db::Connection> connection,
                                                         std::string relay) {
  for (const char* statement : session) {
    if (const auto set = connection->execute(statement); !set) return set.error();
  }
  return std::unique_ptr<OutboxTable>(
      std::make_unique<PostgresOutbox>(std::move(connection), std::move(relay)));
}

}  // namespace gman::relay
