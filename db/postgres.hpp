// SPDX-License-Identifier: BSD-3-Clause
// PostgreSQL behind db::Connection. Only db/connection.cpp needs this header.
#pragma once

#include "db/connection.hpp"

namespace gman::db {

[[nodiscard]] Result<std::unique_ptr<Connection>> connect_postgres(const std::string& dsn);

}  // namespace gman::db
