// SPDX-License-Identifier: BSD-3-Clause
#include "server/store_command/left_queue.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "base/secret.hpp"
#include "server/store_command/left_redis_queue.hpp"

#ifdef GMAN_STORE_SQLITE
#include "server/store/sqlite/database.hpp"
#endif

#ifdef GMAN_IMPORT_SQL
#include "db/connection.hpp"
#endif

namespace gman {
namespace {

namespace fs = std::filesystem;
using Fault = std::optional<StoreFault>;

StoreFault refused(std::string text) {
  return {StoreFault::Kind::refused, std::move(text)};
}

constexpr const char* columns = "unique_key, function_name, priority, data, when_to_run";

std::string as_identifier(const std::string& name, char quote) {
  std::string text(1, quote);
  for (const char c : name) text.append(c == quote ? 2 : 1, c);
  return text + quote;
}

#ifdef GMAN_STORE_SQLITE

/// Processes that have the file open, as far as we may look.
std::string users_of(const fs::path& file) {
  std::string users;
  std::error_code ignored;
  for (const auto& process : fs::directory_iterator("/proc", ignored)) {
    const std::string pid = process.path().filename();
    if (!std::ranges::all_of(pid, [](char c) { return c >= '0' && c <= '9'; })) continue;
    if (pid == std::to_string(::getpid())) continue;
    for (const auto& open : fs::directory_iterator(process.path() / "fd", ignored)) {
      if (fs::read_symlink(open.path(), ignored) != file) continue;
      std::string name;
      std::getline(std::ifstream(process.path() / "comm"), name);
      users.append(users.empty() ? "" : ", ").append(name).append(" (process ").append(pid) += ")";
      break;
    }
  }
  return users;
}

class SqliteLeftQueue : public LeftQueue {
 public:
  SqliteLeftQueue(const std::string& path, std::string table)
      : database_(path, 2000), table_(std::move(table)) {}

  static OpenedLeftQueue open(const std::string& path, std::string table) {
    auto queue = std::make_unique<SqliteLeftQueue>(path, std::move(table));
    std::error_code failed;
    queue->file_ = fs::canonical(path, failed);
    if (failed == std::errc::no_such_file_or_directory) {
      return NoLeftQueue{path + ": " + failed.message()};
    }
    if (failed) return refused(path + ": " + failed.message());
    sqlite::Database& database = queue->database_;
    if (auto fault = database.open_to_look(sqlite::Database::Look::shared))
      return *std::move(fault);
    sqlite::Statement there;
    if (auto fault = database.prepare(there,
                                      "SELECT 1 FROM sqlite_master WHERE type IN ('table', 'view')"
                                      " AND name = ? COLLATE NOCASE")) {
      return *std::move(fault);
    }
    there.bind_text(1, queue->table_);
    const int code = there.step();
    if (code == SQLITE_DONE) return NoLeftQueue{path + ": has no table " + queue->table_};
    if (code != SQLITE_ROW) return database.fault("looking for " + queue->table_, code);
    const std::string sql = "SELECT " + std::string(columns) + " FROM " +
                            as_identifier(queue->table_, '"') + " ORDER BY rowid";
    if (auto fault = database.prepare(queue->rows_, sql.c_str())) return *std::move(fault);
    return queue;
  }

  std::string name() const override { return "sqlite:" + file_.string() + " " + table_; }
  std::variant<std::string, StoreFault> identity() override { return name(); }
  std::variant<std::uint64_t, StoreFault> jobs() override {
    const std::string sql = "SELECT count(*) FROM " + as_identifier(table_, '"');
    auto count = database_.integer(sql.c_str());
    if (auto* failed = std::get_if<StoreFault>(&count)) return std::move(*failed);
    return static_cast<std::uint64_t>(std::get<std::int64_t>(count));
  }
  std::string users() override { return users_of(file_); }

  Fault read(const Take& take) override {
    int code = SQLITE_ROW;
    while ((code = rows_.step()) == SQLITE_ROW) {
      const LeftJob job{.unique = rows_.bytes(0),
                        .function = rows_.bytes(1),
                        .workload = rows_.bytes(3),
                        .priority = rows_.integer(2),
                        .when_to_run = rows_.integer(4)};
      if (auto failed = take(job)) return failed;
    }
    if (code != SQLITE_DONE) return refused(database_.fault("reading it", code).text);
    return std::nullopt;
  }

 private:
  sqlite::Database database_;
  sqlite::Statement rows_;
  std::string table_;
  fs::path file_;
};

OpenedLeftQueue open_sqlite(const std::string& path, const std::string& table) {
  return SqliteLeftQueue::open(path, table.empty() ? "gearman_queue" : table);
}

#else

OpenedLeftQueue open_sqlite(const std::string&, const std::string&) {
  return refused("this gmand was built without SQLite");
}

#endif

#ifdef GMAN_IMPORT_SQL

class SqlLeftQueue : public LeftQueue {
 public:
  SqlLeftQueue(std::unique_ptr<db::Connection> server, const std::string& url, std::string table)
      : server_(std::move(server)), name_(without_password(url)), table_(std::move(table)) {}

  std::string name() const override { return name_ + " " + table_; }

  std::variant<std::string, StoreFault> identity() override {
    // What the server says of itself, since there are many ways to it.
    const auto row = server_->execute(
        is_postgres() ? "SELECT 'postgresql ' || system_identifier || ' ' || current_database()"
                        " FROM pg_control_system()"
                      : "SELECT CONCAT('mysql ', @@hostname, ':', @@port, ' ', @@datadir, ' ',"
                        " DATABASE())");
    if (!row) return refused(name() + ": " + row.error().message);
    return row->at(0, 0).value_or("") + " " + table_;
  }

  std::variant<std::uint64_t, StoreFault> jobs() override {
    const auto row = server_->execute("SELECT count(*) FROM " + quoted_table());
    if (!row) return refused(name() + ": " + row.error().message);
    return number_in<std::uint64_t>(text(*row, 0, 0));
  }

  std::variant<bool, StoreFault> is_there() {
    const std::string name = quoted_table();
    const std::array parameters{db::Parameter::text(is_postgres() ? name : table_)};
    const auto row =
        server_->execute(is_postgres() ? "SELECT count(to_regclass($1))"
                                       : "SELECT count(*) FROM information_schema.TABLES"
                                         " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?",
                         parameters);
    if (!row) return refused(this->name() + ": " + row.error().message);
    return text(*row, 0, 0) != "0";
  }

  std::string users() override {
    const auto others = server_->execute(
        is_postgres() ? "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                        " AND pid <> pg_backend_pid()"
                      : "SELECT count(*) FROM information_schema.processlist"
                        " WHERE db = database() AND id <> connection_id()");
    // Who may not ask is not told.
    if (!others || others->size() != 1 || others->at(0, 0).value_or("0") == "0") return "";
    return *others->at(0, 0) + " other connections to that database";
  }

  Fault read(const Take& take) override {
    if (auto failed = execute(is_postgres() ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
                                            : "START TRANSACTION WITH CONSISTENT SNAPSHOT")) {
      return failed;
    }
    const std::string select = "SELECT " + std::string(columns) + " FROM " + quoted_table();
    if (is_postgres()) {
      if (auto failed = execute("DECLARE gman_import NO SCROLL CURSOR FOR " + select)) {
        return failed;
      }
    }
    // Not all at once: a queue may be larger than memory.
    for (std::uint64_t read = 0;;) {
      const auto rows =
          server_->execute(is_postgres() ? "FETCH 1000 FROM gman_import"
                                         : select + " LIMIT 1000 OFFSET " + std::to_string(read));
      if (!rows) return refused(name() + ": " + rows.error().message);
      for (std::size_t row = 0; row < rows->size(); ++row) {
        if (auto failed = take(job_of(*rows, row))) return failed;
      }
      read += rows->size();
      if (rows->size() == 0) return execute("COMMIT");
    }
  }

 private:
  [[nodiscard]] std::string quoted_table() const {
    return as_identifier(table_, is_postgres() ? '"' : '`');
  }
  [[nodiscard]] bool is_postgres() const { return server_->dialect() == db::Dialect::postgres; }

  Fault execute(const std::string& sql) {
    const auto done = server_->execute(sql);
    if (!done) return refused(name() + ": " + done.error().message);
    return std::nullopt;
  }

  static std::string_view text(const db::Rows& rows, std::size_t row, std::size_t column) {
    const auto& cell = rows.at(row, column);
    return cell ? std::string_view(*cell) : std::string_view();
  }
  template <typename Number>
  static Number number_in(std::string_view digits) {
    Number number = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return number;
  }
  static std::int64_t integer(const db::Rows& rows, std::size_t row, std::size_t column) {
    return number_in<std::int64_t>(text(rows, row, column));
  }
  static LeftJob job_of(const db::Rows& rows, std::size_t row) {
    return {.unique = text(rows, row, 0),
            .function = text(rows, row, 1),
            .workload = text(rows, row, 3),
            .priority = integer(rows, row, 2),
            .when_to_run = integer(rows, row, 4)};
  }

  std::unique_ptr<db::Connection> server_;
  std::string name_;
  std::string table_;
};

OpenedLeftQueue open_sql(const std::string& from, const std::string& table) {
  const auto dialect = db::dialect_of(from);
  if (!dialect) return refused(dialect.error().message);
  auto server = db::connect(from);
  if (!server) return refused(without_password(from) + ": " + server.error().message);
  const std::string own = *dialect == db::Dialect::postgres ? "queue" : "gearman_queue";
  auto queue =
      std::make_unique<SqlLeftQueue>(std::move(*server), from, table.empty() ? own : table);
  const auto there = queue->is_there();
  if (const auto* failed = std::get_if<StoreFault>(&there)) return *failed;
  if (!std::get<bool>(there)) return NoLeftQueue{queue->name() + ": there is no such table"};
  return queue;
}

#else

OpenedLeftQueue open_sql(const std::string&, const std::string&) {
  return refused("this gmand was built without PostgreSQL and MySQL");
}

#endif

}  // namespace

OpenedLeftQueue open_left_queue(const std::string& from, const std::string& table) {
  const std::string scheme = from.substr(0, from.find(':'));
  if (scheme == "sqlite" && from.size() > scheme.size() + 1) {
    return open_sqlite(from.substr(scheme.size() + 1), table);
  }
  if (scheme == "redis" || scheme == "redis+unix") return open_left_redis_queue(from, table);
  if (from.find("://") != from.npos) return open_sql(from, table);
  return refused("--from wants sqlite:/path, postgresql://…, mysql://… or redis://…");
}

}  // namespace gman
