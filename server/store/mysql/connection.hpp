// SPDX-License-Identifier: BSD-3-Clause
// Connection, Statement: one session of libmariadb and its prepared statements, owned; how it is
// set up; and what the error codes of MySQL and MariaDB mean to a store.
//
// It comes and goes with the server at its other end: whoever has it opens it again after a fault
// that closed it, and its statements are gone then. No text that it makes holds a password.
#pragma once

#include <mysql.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "db/mariadb_dsn.hpp"
#include "server/store/store.hpp"

namespace gman::mysql {

struct FreeResult {
  void operator()(MYSQL_RES* result) const { mysql_free_result(result); }
};
using Rows = std::unique_ptr<MYSQL_RES, FreeResult>;

struct CloseStatement {
  void operator()(MYSQL_STMT* statement) const { mysql_stmt_close(statement); }
};
using Statement = std::unique_ptr<MYSQL_STMT, CloseStatement>;

class Connection {
 public:
  explicit Connection(db::MariadbAddress to);

  /// "me@host:3306/database", of what the URL says.
  [[nodiscard]] const std::string& address() const { return address_; }

  [[nodiscard]] std::optional<StoreFault> open();
  // Requires: no statement of it is left.
  void close() { handle_.reset(); }
  [[nodiscard]] bool is_open() const { return handle_ != nullptr; }
  [[nodiscard]] MYSQL* get() const { return handle_.get(); }
  /// Of a request, in this session.
  [[nodiscard]] std::uint64_t packet_bytes_max() const { return packet_bytes_max_; }

  [[nodiscard]] std::variant<Rows, StoreFault> query(const char* doing, std::string_view sql);
  [[nodiscard]] std::optional<StoreFault> execute(const char* doing, std::string_view sql);
  /// The first row's columns, NULL as an empty text; no columns where there is no row.
  [[nodiscard]] std::variant<std::vector<std::string>, StoreFault> row(const char* doing,
                                                                       std::string_view sql);
  [[nodiscard]] std::optional<StoreFault> prepare(Statement& statement, std::string_view sql);
  /// Of a statement that returns no rows.
  [[nodiscard]] std::optional<StoreFault> execute(const char* doing, const Statement& statement,
                                                  std::span<MYSQL_BIND> values);
  [[nodiscard]] std::string quoted(std::string_view text) const;

  /// After a fault, can this session go on? Then its transaction is ended.
  [[nodiscard]] bool recover();

  [[nodiscard]] StoreFault fault(std::string_view doing);
  [[nodiscard]] StoreFault fault(StoreFault::Kind kind, const std::string& what) const;

 private:
  struct Close {
    void operator()(MYSQL* connection) const { mysql_close(connection); }
  };
  [[nodiscard]] StoreFault fault(std::string_view doing, unsigned code, const char* message);

  db::MariadbAddress to_;
  std::string address_;
  std::unique_ptr<MYSQL, Close> handle_;
  std::uint64_t packet_bytes_max_ = 0;
  bool is_usable_ = false;
};

}  // namespace gman::mysql
