// SPDX-License-Identifier: BSD-3-Clause
// Which servers a job goes to: what gman_servers_set() said for its function, else what it said for
// all functions, else what is configured. What it says holds for the whole database server, and
// until that stops.
#pragma once

#include <string>
#include <string_view>

#include "udf_mysql/settings.hpp"

namespace gman::udf {

[[nodiscard]] std::string servers_for(std::string_view function, const Settings& settings);

}  // namespace gman::udf
