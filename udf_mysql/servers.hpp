// SPDX-License-Identifier: BSD-3-Clause
// Which servers a job goes to: what gman_servers_set() said for its function, else what it said for
// all functions, else what is configured. What it says holds for the whole database server, and
// until that stops.
#pragma once

#include <string>
#include <string_view>

#include "udf_mysql/settings.hpp"

namespace gman::udf {

/// Throws SqlError when the list names a server that is not in `allowed`; both are correct lists.
/// An empty `allowed` allows all.
void check_allowed(const std::string& servers, const std::string& allowed);

/// Throws SqlError when that list is not allowed.
[[nodiscard]] std::string servers_for(std::string_view function, const Settings& settings);

}  // namespace gman::udf
