// SPDX-License-Identifier: BSD-3-Clause
// Built in place of mariadb_plugin.cpp where MariaDB's plugin headers are missing.
#include "udf_mysql/plugin.hpp"

namespace gman::udf {

std::shared_ptr<const Settings> plugin_settings() {
  return nullptr;
}

void demand_privilege() {}

void expect_end_of(std::uint64_t) {}

}  // namespace gman::udf
