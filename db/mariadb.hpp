// SPDX-License-Identifier: BSD-3-Clause
// MySQL and MariaDB behind db::Connection. Only db/connection.cpp and tests need this header.
#pragma once

#include "db/connection.hpp"

namespace gman::db {

/// The parts of a `mysql://` DSN, percent-decoded.
struct MariadbAddress {
  std::string user;
  std::string password;
  std::string host;
  std::string socket;
  std::string database;
  std::uint16_t port = 3306;
};

[[nodiscard]] Result<MariadbAddress> parse_mariadb_dsn(std::string_view dsn);

[[nodiscard]] Result<std::unique_ptr<Connection>> connect_mariadb(const std::string& dsn);

}  // namespace gman::db
