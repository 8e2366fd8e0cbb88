// SPDX-License-Identifier: BSD-3-Clause
#include "db/connection.hpp"

#include <random>
#include <stdexcept>
#include <thread>

#include "base/assert.hpp"
#include "db/mariadb.hpp"
#include "db/postgres.hpp"

namespace gman::db {

void throw_exception_from_error(const Error& error, const boost::source_location& at) {
  throw std::logic_error(std::string(at.file_name()) +
                         ": value of a failed statement: " + error.message);
}

const std::optional<std::string>& Rows::at(std::size_t row, std::size_t column) const {
  GMAN_ASSERT(row < size() && column < columns);
  return cells[row * columns + column];
}

Result<Dialect> dialect_of(std::string_view dsn) {
  if (dsn.starts_with("postgresql://") || dsn.starts_with("postgres://")) return Dialect::postgres;
  if (dsn.starts_with("mysql://") || dsn.starts_with("mariadb://")) return Dialect::mysql;
  return Error{ErrorKind::refused, {}, "a database is named postgresql://… or mysql://…"};
}

Result<std::unique_ptr<Connection>> connect(const std::string& dsn) {
  const auto dialect = dialect_of(dsn);
  if (!dialect) return dialect.error();
  switch (*dialect) {
    case Dialect::postgres: return connect_postgres(dsn);
    case Dialect::mysql: return connect_mariadb(dsn);
  }
  GMAN_ASSERT(false);
}

Result<Rows> retry_conflicts(int attempts_max, const std::function<Result<Rows>()>& work) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  for (int attempt = 1;; ++attempt) {
    auto result = work();
    const bool again = !result && result.error().kind == ErrorKind::conflict;
    if (!again || attempt >= attempts_max) return result;
    std::uniform_int_distribution<int> wait_us(0, 2000 * attempt);
    std::this_thread::sleep_for(std::chrono::microseconds(wait_us(random)));
  }
}

}  // namespace gman::db
