// SPDX-License-Identifier: BSD-3-Clause
// MySQL's component: INSTALL COMPONENT 'file://component_gman'. A shared object of its own, with
// the functions of gman_udf.so behind a privilege, and with system variables and status variables.
//
// Its parts are the other mysql_component_….cpp; here is how it comes and goes.
#include "udf_mysql/mysql_component.hpp"

#include "udf_mysql/variables.hpp"

REQUIRES_SERVICE_PLACEHOLDER(component_sys_variable_register);
REQUIRES_SERVICE_PLACEHOLDER(component_sys_variable_unregister);
REQUIRES_SERVICE_PLACEHOLDER(dynamic_privilege_register);
REQUIRES_SERVICE_PLACEHOLDER(global_grants_check);
REQUIRES_SERVICE_PLACEHOLDER(mysql_current_thread_reader);
REQUIRES_SERVICE_PLACEHOLDER(mysql_simple_error_log);
REQUIRES_SERVICE_PLACEHOLDER(mysql_system_variable_reader);
REQUIRES_SERVICE_PLACEHOLDER(mysql_thd_security_context);
REQUIRES_SERVICE_PLACEHOLDER(mysql_thd_store);
REQUIRES_SERVICE_PLACEHOLDER(status_variable_registration);
REQUIRES_SERVICE_PLACEHOLDER(udf_registration);
REQUIRES_SERVICE_PLACEHOLDER(udf_registration_aggregate);

namespace gman::udf::component {

void log_error(const std::string& message) {
  constexpr int er_log_printf_msg = 11071;  // "%s"
  mysql_simple_error_log_emit(component_name, MYSQL_ERROR_LOG_SEVERITY_ERROR, er_log_printf_msg,
                              message.c_str());
}

namespace {

struct Part {
  bool (*install)();
  void (*uninstall)();
};

constexpr Part parts[] = {{install_variables, uninstall_variables},
                          {install_counters, uninstall_counters},
                          {install_session, uninstall_session}};

bool install_parts() {
  for (const Part* part = std::begin(parts); part != std::end(parts); ++part) {
    if (part->install()) continue;
    while (part != std::begin(parts)) (--part)->uninstall();
    return false;
  }
  return true;
}

void uninstall_parts() {
  for (const Part* part = std::end(parts); part != std::begin(parts);) (--part)->uninstall();
}

/// The server takes 0 for success.
mysql_service_status_t install() {
  bool is_installed = false;
  const bool had_memory = at_hook([&] {
    if (!install_parts()) return;
    is_installed = install_functions();
    if (!is_installed) uninstall_parts();
  });
  return had_memory && is_installed ? 0 : 1;
}

/// Refused while a function is called.
mysql_service_status_t uninstall() {
  bool is_uninstalled = false;
  const bool had_memory = at_hook([&] {
    is_uninstalled = uninstall_functions();
    if (is_uninstalled) uninstall_parts();
  });
  return had_memory && is_uninstalled ? 0 : 1;
}

}  // namespace
}  // namespace gman::udf::component

BEGIN_COMPONENT_PROVIDES(gman)
END_COMPONENT_PROVIDES();

// clang-format off
BEGIN_COMPONENT_REQUIRES(gman)
  REQUIRES_SERVICE(component_sys_variable_register),
  REQUIRES_SERVICE(component_sys_variable_unregister),
  REQUIRES_SERVICE(dynamic_privilege_register),
  REQUIRES_SERVICE(global_grants_check),
  REQUIRES_SERVICE(mysql_current_thread_reader),
  REQUIRES_SERVICE(mysql_simple_error_log),
  REQUIRES_SERVICE(mysql_system_variable_reader),
  REQUIRES_SERVICE(mysql_thd_security_context),
  REQUIRES_SERVICE(mysql_thd_store),
  REQUIRES_SERVICE(status_variable_registration),
  REQUIRES_SERVICE(udf_registration),
  REQUIRES_SERVICE(udf_registration_aggregate),
END_COMPONENT_REQUIRES();

BEGIN_COMPONENT_METADATA(gman)
  METADATA("mysql.license", "BSD"),
  METADATA("gman.version", GMAN_VERSION),
END_COMPONENT_METADATA();

DECLARE_COMPONENT(gman, "gman")
  gman::udf::component::install,
  gman::udf::component::uninstall,
END_DECLARE_COMPONENT();

#pragma GCC visibility push(default)
DECLARE_LIBRARY_COMPONENTS
  &COMPONENT_REF(gman)
END_DECLARE_LIBRARY_COMPONENTS
#pragma GCC visibility pop
    // clang-format on
