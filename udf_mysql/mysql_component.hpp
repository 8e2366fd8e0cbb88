// SPDX-License-Identifier: BSD-3-Clause
// The parts of MySQL's component, and the server's services that they have in common.
//
// A part is installed once before any function can be called, and uninstalled once none is: the
// functions are the last to be installed and the first to go, which they refuse while one is
// called.
#pragma once

#include <mysql/components/component_implementation.h>
#include <mysql/components/services/component_status_var_service.h>
#include <mysql/components/services/component_sys_var_service.h>
#include <mysql/components/services/dynamic_privilege.h>
#include <mysql/components/services/mysql_current_thread_reader.h>
#include <mysql/components/services/mysql_simple_error_log.h>
#include <mysql/components/services/mysql_system_variable.h>
#include <mysql/components/services/mysql_thd_store_service.h>
#include <mysql/components/services/security_context.h>
#include <mysql/components/services/udf_registration.h>

#include <string>

extern REQUIRES_SERVICE_PLACEHOLDER(component_sys_variable_register);
extern REQUIRES_SERVICE_PLACEHOLDER(component_sys_variable_unregister);
extern REQUIRES_SERVICE_PLACEHOLDER(dynamic_privilege_register);
extern REQUIRES_SERVICE_PLACEHOLDER(global_grants_check);
extern REQUIRES_SERVICE_PLACEHOLDER(mysql_current_thread_reader);
extern REQUIRES_SERVICE_PLACEHOLDER(mysql_simple_error_log);
extern REQUIRES_SERVICE_PLACEHOLDER(mysql_system_variable_reader);
extern REQUIRES_SERVICE_PLACEHOLDER(mysql_thd_security_context);
extern REQUIRES_SERVICE_PLACEHOLDER(mysql_thd_store);
extern REQUIRES_SERVICE_PLACEHOLDER(status_variable_registration);
extern REQUIRES_SERVICE_PLACEHOLDER(udf_registration);
extern REQUIRES_SERVICE_PLACEHOLDER(udf_registration_aggregate);

namespace gman::udf::component {

/// A line in the server's error log.
void log_error(const std::string& message);

/// The names of all of the server's lists: `gman.servers`, the privilege, the thread's slot.
inline constexpr auto component_name = "gman";

// Each returns whether it could; what could not be installed has left nothing behind.

bool install_variables();
void uninstall_variables();

bool install_counters();
void uninstall_counters();

/// The privilege, and word of the end of sessions.
bool install_session();
void uninstall_session();

bool install_functions();
/// All of them, or none while one is in use.
bool uninstall_functions();

}  // namespace gman::udf::component
