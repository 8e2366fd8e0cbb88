// SPDX-License-Identifier: BSD-3-Clause
// MySQL and MariaDB behind db::Connection. Only db/connection.cpp and tests need this header.
#pragma once

#include "db/connection.hpp"
#include "db/mariadb_dsn.hpp"

namespace gman::db {

[[nodiscard]] Result<std::unique_ptr<Connection>> connect_mariadb(const std::string& dsn);

}  // namespace gman::db
