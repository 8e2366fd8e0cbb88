// SPDX-License-Identifier: BSD-3-Clause
// The schema `gmand` of a PostgreSQL database: made when it is not there, and refused when it is
// not ours.
#pragma once

#include <optional>

#include "server/store/postgres/connection.hpp"

namespace gman::postgres {

inline constexpr int schema_version = 1;

/// To be called by one server at a time.
[[nodiscard]] std::optional<StoreFault> open_schema(Connection& connection);
/// Makes nothing. `refused` where there is none.
[[nodiscard]] std::optional<StoreFault> check_schema(Connection& connection);

}  // namespace gman::postgres
