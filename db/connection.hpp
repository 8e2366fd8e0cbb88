// SPDX-License-Identifier: BSD-3-Clause
// One connection to PostgreSQL or to MySQL/MariaDB, behind one small interface.
//
// It hides how bytes travel (prepared statements, NULL, binary values, error codes), not the SQL:
// the two dialects differ, so whoever writes statements asks `dialect()` and writes `$1` or `?`.
// Every statement is prepared once per connection and then reused. Each call blocks; a connection
// may be used by one thread at a time.
#pragma once

#include <boost/system/result.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gman::db {

enum class Dialect : std::uint8_t { postgres, mysql };

/// What the caller can do about an error.
enum class ErrorKind : std::uint8_t {
  unreachable,  ///< no connection, or it was lost: connect again; a statement's fate is unknown
  conflict,     ///< deadlock, serialisation failure or lock wait: the transaction may be repeated
  duplicate,    ///< a unique key holds the value already
  refused,      ///< the server (or this library) did not accept the statement or a parameter
};

struct Error {
  ErrorKind kind = ErrorKind::refused;
  std::string sqlstate;  ///< five characters; empty when the server was not asked
  std::string message;
};

/// Called by boost::system::result when value() is taken from an error, which is our bug.
[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location& at);

template <class T>
using Result = boost::system::result<T, Error>;

/// A statement's parameter. It refers to the caller's bytes and does not own them.
class Parameter {
 public:
  enum class Kind : std::uint8_t { null, text, bytes };

  static Parameter null() { return {Kind::null, {}}; }
  static Parameter text(std::string_view value) { return {Kind::text, value}; }
  static Parameter bytes(std::string_view value) { return {Kind::bytes, value}; }

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] std::string_view value() const { return value_; }

 private:
  Parameter(Kind kind, std::string_view value) : kind_(kind), value_(value) {}

  Kind kind_;
  std::string_view value_;
};

/// What a statement brought. Cells are text as the server writes it; binary columns are raw bytes.
struct Rows {
  std::size_t columns = 0;
  std::vector<std::optional<std::string>> cells;  ///< row after row
  std::uint64_t affected = 0;                     ///< rows inserted, changed or deleted

  [[nodiscard]] std::size_t size() const { return columns == 0 ? 0 : cells.size() / columns; }
  /// Requires: row < size() and column < columns.
  [[nodiscard]] const std::optional<std::string>& at(std::size_t row, std::size_t column) const;
};

class Connection {
 public:
  virtual ~Connection() = default;
  [[nodiscard]] virtual Dialect dialect() const = 0;
  /// False once it was lost: it will not come back, make another.
  [[nodiscard]] virtual bool usable() const = 0;
  [[nodiscard]] virtual Result<Rows> execute(std::string_view sql,
                                             std::span<const Parameter> parameters = {}) = 0;

  /// A statement that returns no rows, sent as it is and not prepared: for one whose text is
  /// another each time. How many rows it changed.
  [[nodiscard]] virtual Result<std::uint64_t> run(const std::string& sql) = 0;

  /// Becomes readable when the server says something by itself, as NOTIFY after LISTEN; -1: this
  /// kind of server never does.
  [[nodiscard]] virtual int notification_fd() const { return -1; }
  /// Takes what has come there, and what came meanwhile: whether a NOTIFY was among it.
  [[nodiscard]] virtual Result<bool> take_notifications() { return false; }
};

/// Opens `postgresql://…` (whatever libpq takes) or `mysql://user:password@host:port/database`,
/// where `?socket=/path` takes the place of host and port. Waits at most ten seconds.
[[nodiscard]] Result<std::unique_ptr<Connection>> connect(const std::string& dsn);

/// The dialect that a DSN's scheme names; an error that says which schemes there are.
[[nodiscard]] Result<Dialect> dialect_of(std::string_view dsn);

/// Repeats `work` while it ends in a conflict, at most `attempts_max` times, with short growing
/// random waits so that two victims do not meet again. `work` is one statement or a whole
/// transaction that has rolled back by the time it returns.
[[nodiscard]] Result<Rows> retry_conflicts(int attempts_max,
                                           const std::function<Result<Rows>()>& work);

}  // namespace gman::db
