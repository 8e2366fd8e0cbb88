// SPDX-License-Identifier: BSD-3-Clause
// Database, Statement: one connection of SQLite and its prepared statements, owned; and what
// SQLite's error codes mean to a store.
//
// Statements return SQLite's codes, because on the way of a million rows a code is what there is
// time for; `Database::fault` makes the fault out of one.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "server/store/store.hpp"

namespace gman::sqlite {

class Statement {
 public:
  // What is bound must live until the statement is reset.
  void bind(int at, std::int64_t value) { sqlite3_bind_int64(handle_.get(), at, value); }
  void bind(int at, std::optional<std::int64_t> value) {
    value ? bind(at, *value) : static_cast<void>(sqlite3_bind_null(handle_.get(), at));
  }
  void bind_text(int at, std::string_view text) {
    sqlite3_bind_text(handle_.get(), at, not_null(text), static_cast<int>(text.size()),
                      SQLITE_STATIC);
  }
  void bind_blob(int at, std::string_view bytes) {
    sqlite3_bind_blob(handle_.get(), at, not_null(bytes), static_cast<int>(bytes.size()),
                      SQLITE_STATIC);
  }

  void bind_column(int at, Statement& of, int column) {
    sqlite3_bind_value(handle_.get(), at, sqlite3_column_value(of.handle_.get(), column));
  }

  /// SQLITE_ROW, SQLITE_DONE, or an error.
  [[nodiscard]] int step() { return sqlite3_step(handle_.get()); }
  /// Runs it to its end; SQLITE_DONE, or an error.
  [[nodiscard]] int run() {
    int code = SQLITE_ROW;
    while (code == SQLITE_ROW) code = step();
    const int reset_code = sqlite3_reset(handle_.get());
    return code == SQLITE_DONE ? code : reset_code;
  }
  void reset() { sqlite3_reset(handle_.get()); }

  [[nodiscard]] std::int64_t integer(int column) {
    return sqlite3_column_int64(handle_.get(), column);
  }
  /// What lies on pages of its own is read only now. No memory counts as unreadable, too.
  [[nodiscard]] bool has_unreadable_bytes() {
    for (int column = 0; column < sqlite3_column_count(handle_.get()); ++column) {
      const int kind = type(column);
      if (kind != SQLITE_TEXT && kind != SQLITE_BLOB) continue;
      if (sqlite3_column_blob(handle_.get(), column) == nullptr &&
          sqlite3_errcode(sqlite3_db_handle(handle_.get())) != SQLITE_ROW) {
        return true;
      }
    }
    return false;
  }
  [[nodiscard]] int type(int column) { return sqlite3_column_type(handle_.get(), column); }
  /// Of a text or a blob, until the next step. A text's bytes as they are: to ask SQLite for text
  /// would copy each one, to end it with a zero.
  [[nodiscard]] std::string_view bytes(int column) {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(handle_.get(), column));
    const int size = sqlite3_column_bytes(handle_.get(), column);
    return {data, data == nullptr ? 0 : static_cast<std::size_t>(size)};
  }

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  /// To SQLite, no data is NULL.
  static const char* not_null(std::string_view text) {
    return text.data() == nullptr ? "" : text.data();
  }
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

class Database {
 public:
  /// `vfs` is SQLite's name of what it reaches the disk through; empty: the system's.
  Database(std::string path, int busy_wait_ms_max, std::string vfs = {})
      : path_(std::move(path)), vfs_(std::move(vfs)), busy_wait_ms_max_(busy_wait_ms_max) {}

  /// Only what is there is opened, for one thread at a time.
  [[nodiscard]] std::optional<StoreFault> open();
  /// Not a byte of it will change. Immutable: not even what lies beside it, and nobody may change
  /// it meanwhile.
  enum class Look : std::uint8_t { shared, immutable };
  [[nodiscard]] std::optional<StoreFault> open_to_look(Look look);
  /// From here on nothing of it is durable before sync(), and a kill may leave half of it: for
  /// files that are being made.
  [[nodiscard]] std::optional<StoreFault> write_without_syncs();
  [[nodiscard]] std::optional<StoreFault> sync();
  [[nodiscard]] bool is_open() const { return handle_ != nullptr; }
  [[nodiscard]] sqlite3* get() const { return handle_.get(); }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::string& vfs() const { return vfs_; }

  /// For good: a statement that is kept.
  [[nodiscard]] std::optional<StoreFault> prepare(Statement& statement, const char* sql);
  [[nodiscard]] std::optional<StoreFault> execute(const char* sql);
  /// The first column of the first row; 0 where there is none.
  [[nodiscard]] std::variant<std::int64_t, StoreFault> integer(const char* sql);
  [[nodiscard]] std::variant<std::string, StoreFault> text(const char* sql);

  [[nodiscard]] StoreFault fault(std::string_view doing, int code) const;

 private:
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };
  [[nodiscard]] int system_error() const;
  [[nodiscard]] std::optional<StoreFault> open(const std::string& name, int flags);

  std::string path_;
  std::string vfs_;
  int busy_wait_ms_max_;
  std::unique_ptr<sqlite3, Close> handle_;
};

/// What a damaged file's fault ends with: it is never emptied in silence.
[[nodiscard]] std::string way_out(const std::string& path);

}  // namespace gman::sqlite
