// SPDX-License-Identifier: BSD-3-Clause
// The outbox in PostgreSQL by libpq.
#include <string>
#include <utility>
#include <vector>

#include "relay/asio/outbox_table.hpp"
#include "relay/core/postgres_statement.hpp"

namespace gman::relay {
namespace {

constexpr milliseconds poll_max{25};
// Who is notified looks only for rows that come due by their time, or that somebody else inserted.
constexpr milliseconds poll_max_notified{250};

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
    auto row = execute(statement_of(Open{}));
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
    const auto rows = execute(statement_of(Look{}));
    if (!rows) return rows.error();
    return looked_at(*rows);
  }

  [[nodiscard]] db::Result<Leased> lease(const Lease& request) override {
    const auto rows = execute(statement_of(request, relay_));
    if (!rows) return rows.error();
    return postgres_leased(*rows);
  }

  [[nodiscard]] db::Result<Done> remove(const Delete& request) override { return run(request); }
  [[nodiscard]] db::Result<Done> give_back(const Return& request) override { return run(request); }
  [[nodiscard]] db::Result<Done> renew(const Renew& request) override { return run(request); }
  [[nodiscard]] db::Result<Done> forget_dead(const ForgetDead& request) override {
    return run(request);
  }

  [[nodiscard]] db::Result<Done> run(const SettleRequest& request) {
    const auto rows = execute(statement_of(request, relay_));
    if (!rows) return rows.error();
    return Done{};
  }

  [[nodiscard]] db::Result<db::Rows> execute(const Statement& statement) {
    std::vector<db::Parameter> parameters;
    parameters.reserve(statement.parameters.size());
    for (const std::string& text : statement.parameters) {
      parameters.push_back(db::Parameter::text(text));
    }
    return connection_->execute(statement.sql, parameters);
  }

  std::unique_ptr<db::Connection> connection_;
  std::string relay_;
  bool is_listening_ = false;
};

}  // namespace

db::Result<std::unique_ptr<OutboxTable>> postgres_outbox(std::unique_ptr<db::Connection> connection,
                                                         std::string relay) {
  if (const auto set = connection->execute("SET application_name = 'gman-relay'"); !set) {
    return set.error();
  }
  for (const SessionSetting& setting : postgres_session) {
    const std::string text = std::string("SET ") + setting.name + " = '" + setting.value + "'";
    if (const auto set = connection->execute(text); !set) return set.error();
  }
  return std::unique_ptr<OutboxTable>(
      std::make_unique<PostgresOutbox>(std::move(connection), std::move(relay)));
}

}  // namespace gman::relay
