// SPDX-License-Identifier: BSD-3-Clause
// What failed last in each session, for gman_last_error(): the only trace of a failure where a
// policy, DO, or a handler in a procedure hides it.
//
// Sessions are told apart by their number. A plain function is not told when a session ends, so
// there is room for a bounded number, and whose failure is the oldest is forgotten first; MariaDB's
// plugin and MySQL's component are told, and forget then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "udf_mysql/sql_error.hpp"

namespace gman::udf {

/// So many sessions' last failures are remembered.
inline constexpr std::size_t failed_sessions_max = 1024;

/// For the session of this thread; does nothing where the server does not tell which it is.
void remember_error(const char* function, const SqlError& failure);

/// Of the session of this thread, as a JSON object; nothing when none of its calls failed.
[[nodiscard]] std::optional<std::string> last_error();

/// When a session has ended.
void forget_errors_of(std::uint64_t session);

}  // namespace gman::udf
