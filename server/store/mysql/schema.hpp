// SPDX-License-Identifier: BSD-3-Clause
// The tables gmand_… of a MySQL or MariaDB database: made when they are not there, and refused when
// they are not ours.
#pragma once

#include <optional>

#include "server/store/mysql/connection.hpp"

namespace gman::mysql {

inline constexpr int schema_version = 1;

/// To be called by one server at a time.
[[nodiscard]] std::optional<StoreFault> open_schema(Connection& connection);
/// Makes nothing. `refused` where there is none.
[[nodiscard]] std::optional<StoreFault> check_schema(Connection& connection);

}  // namespace gman::mysql
