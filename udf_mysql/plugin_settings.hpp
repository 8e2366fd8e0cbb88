// SPDX-License-Identifier: BSD-3-Clause
// The settings that the system variables of MariaDB's plugin make: mariadb_plugin.cpp where it is
// built in, no_plugin.cpp where its headers were missing.
#pragma once

#include <memory>

#include "udf_mysql/settings.hpp"

namespace gman::udf {

/// For the session of this thread. Null while no plugin is installed.
[[nodiscard]] std::shared_ptr<const Settings> plugin_settings();

}  // namespace gman::udf
