// SPDX-License-Identifier: BSD-3-Clause
// What MariaDB's plugin and MySQL's component add to the functions: settings that are the server's
// own variables, a privilege, and word of a session's end. Each of the shared objects has one
// answer to these: mariadb_plugin.cpp, mysql_component_session.cpp, or no_plugin.cpp.
#pragma once

#include <cstdint>
#include <memory>

#include "udf_mysql/settings.hpp"

namespace gman::udf {

/// For the session of this thread. Null while no plugin is installed. Throws SqlError when the
/// variables contradict each other.
[[nodiscard]] std::shared_ptr<const Settings> plugin_settings();

/// At the beginning of each statement's call. Throws AccessDenied when the account that it runs as
/// lacks the privilege, where there is one.
void demand_privilege();

/// Has forget_errors_of() called when the session of this thread, whose number this is, ends;
/// does nothing where the plugin hears of every session's end, or there is none.
void expect_end_of(std::uint64_t session);

}  // namespace gman::udf
