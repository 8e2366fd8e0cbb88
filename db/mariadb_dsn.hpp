// SPDX-License-Identifier: BSD-3-Clause
// What a `mysql://` DSN says. A library of its own: it needs no client library.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

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

}  // namespace gman::db
