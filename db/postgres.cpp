// SPDX-License-Identifier: BSD-3-Clause
#include "db/postgres.hpp"

#include <libpq-fe.h>

#include <array>
#include <charconv>
#include <map>

namespace gman::db {
namespace {

constexpr Oid bytea_oid = 17;

struct Finish {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultPtr = std::unique_ptr<PGresult, Clear>;

std::string one_line(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  std::string line;
  for (const char c : text) {
    if (c == '\n') {
      line += "; ";
    } else {
      line += c;
    }
  }
  return line;
}

ErrorKind kind_of(std::string_view sqlstate, bool connected) {
  // Not class 08: a statement may report a connection of its own, to a job server for example.
  if (!connected || sqlstate.starts_with("57P")) return ErrorKind::unreachable;
  // serialization_failure, deadlock_detected, lock_not_available
  if (sqlstate == "40001" || sqlstate == "40P01" || sqlstate == "55P03") {
    return ErrorKind::conflict;
  }
  return sqlstate == "23505" ? ErrorKind::duplicate : ErrorKind::refused;
}

class PostgresConnection final : public Connection {
 public:
  explicit PostgresConnection(PGconn* connection) : connection_(connection) {}

  [[nodiscard]] Dialect dialect() const override { return Dialect::postgres; }
  [[nodiscard]] bool usable() const override {
    return PQstatus(connection_.get()) == CONNECTION_OK;
  }

  [[nodiscard]] Result<Rows> execute(std::string_view sql,
                                     std::span<const Parameter> parameters) override {
    const auto name = prepared(sql);
    if (!name) return name.error();

    std::vector<std::string> texts(parameters.size());  // libpq wants text that ends in NUL
    std::vector<const char*> values(parameters.size());
    std::vector<int> lengths(parameters.size());
    std::vector<int> formats(parameters.size());
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const std::string_view value = parameters[i].value();
      switch (parameters[i].kind()) {
        case Parameter::Kind::null: break;
        case Parameter::Kind::text:
          if (value.find('\0') != std::string_view::npos) {
            return Error{ErrorKind::refused, "22021",
                         "parameter $" + std::to_string(i + 1) + " is text and holds a NUL byte"};
          }
          texts[i] = value;
          values[i] = texts[i].c_str();
          break;
        case Parameter::Kind::bytes:
          values[i] = value.empty() ? "" : value.data();
          lengths[i] = static_cast<int>(value.size());
          formats[i] = 1;
          break;
      }
    }
    const ResultPtr result(PQexecPrepared(connection_.get(), name->c_str(),
                                          static_cast<int>(parameters.size()), values.data(),
                                          lengths.data(), formats.data(), 0));
    return rows_of(result.get());
  }

  [[nodiscard]] Result<std::uint64_t> run(const std::string& sql) override {
    const ResultPtr result(PQexec(connection_.get(), sql.c_str()));
    const auto rows = rows_of(result.get());
    if (!rows) return rows.error();
    return rows->affected;
  }

  [[nodiscard]] int notification_fd() const override { return PQsocket(connection_.get()); }

  [[nodiscard]] Result<bool> take_notifications() override {
    if (PQconsumeInput(connection_.get()) == 0) {
      return Error{ErrorKind::unreachable, "08006", one_line(PQerrorMessage(connection_.get()))};
    }
    bool any = false;
    while (PGnotify* notification = PQnotifies(connection_.get())) {
      any = true;
      PQfreemem(notification);
    }
    return any;
  }

 private:
  // The name under which `sql` is prepared on this connection. Programs use a fixed set of
  // statements, so the map does not grow without end.
  [[nodiscard]] Result<std::string> prepared(std::string_view sql) {
    if (const auto known = prepared_.find(sql); known != prepared_.end()) return known->second;
    std::string name = "s" + std::to_string(prepared_.size());
    const ResultPtr result(
        PQprepare(connection_.get(), name.c_str(), std::string(sql).c_str(), 0, nullptr));
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) return error_of(result.get());
    prepared_.emplace(sql, name);
    return name;
  }

  [[nodiscard]] Error error_of(const PGresult* result) const {
    const char* sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    Error error;
    error.sqlstate = sqlstate == nullptr ? "" : sqlstate;
    error.kind = kind_of(error.sqlstate, usable());
    error.message =
        one_line(primary == nullptr ? PQerrorMessage(connection_.get()) : std::string(primary));
    return error;
  }

  [[nodiscard]] Result<Rows> rows_of(const PGresult* result) const {
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) return error_of(result);
    Rows rows;
    const int columns = PQnfields(result);
    const int count = PQntuples(result);
    rows.columns = static_cast<std::size_t>(columns);
    rows.cells.reserve(rows.columns * static_cast<std::size_t>(count));
    for (int row = 0; row < count; ++row) {
      for (int column = 0; column < columns; ++column) {
        rows.cells.push_back(cell(result, row, column));
      }
    }
    const std::string_view affected = PQcmdTuples(const_cast<PGresult*>(result));
    std::from_chars(affected.data(), affected.data() + affected.size(), rows.affected);
    return rows;
  }

  static std::optional<std::string> cell(const PGresult* result, int row, int column) {
    if (PQgetisnull(result, row, column) != 0) return std::nullopt;
    const char* value = PQgetvalue(result, row, column);
    if (PQftype(result, column) != bytea_oid) {
      return std::string(value, static_cast<std::size_t>(PQgetlength(result, row, column)));
    }
    std::size_t size = 0;
    const std::unique_ptr<unsigned char, void (*)(void*)> raw(
        PQunescapeBytea(reinterpret_cast<const unsigned char*>(value), &size), PQfreemem);
    return std::string(reinterpret_cast<const char*>(raw.get()), size);
  }

  std::unique_ptr<PGconn, Finish> connection_;
  std::map<std::string, std::string, std::less<>> prepared_;
};

}  // namespace

Result<std::unique_ptr<Connection>> connect_postgres(const std::string& dsn) {
  // What stands before the DSN is a default that the DSN may override; what follows is fixed.
  const std::array<const char*, 5> names{"connect_timeout", "fallback_application_name", "dbname",
                                         "client_encoding", nullptr};
  const std::array<const char*, 5> values{"10", "gman", dsn.c_str(), "UTF8", nullptr};
  std::unique_ptr<PGconn, Finish> connection(PQconnectdbParams(names.data(), values.data(), 1));
  if (PQstatus(connection.get()) != CONNECTION_OK) {
    return Error{ErrorKind::unreachable, "08001", one_line(PQerrorMessage(connection.get()))};
  }
  PQsetNoticeProcessor(
      connection.get(), [](void*, const char*) {}, nullptr);
  return std::make_unique<PostgresConnection>(connection.release());
}

}  // namespace gman::db
