// SPDX-License-Identifier: BSD-3-Clause
// The counters in MySQL's SHOW STATUS LIKE 'gman%', by the names that MariaDB's plugin gives them.
#include <cstring>
#include <iterator>

#include "udf_mysql/counters.hpp"
#include "udf_mysql/mysql_component.hpp"
#include "udf_mysql/pool.hpp"

#include <mysql/components/services/bits/status_variables_bits.h>

namespace gman::udf::component {
namespace {

int show_number(SHOW_VAR* shown, char* room, unsigned long long number) {
  std::memcpy(room, &number, sizeof number);
  shown->type = SHOW_LONGLONG;
  shown->value = room;
  return 0;
}

template <Counter counter>
int show(MYSQL_THD, SHOW_VAR* shown, char* room) {
  return show_number(shown, room, counted(counter));
}

int show_idle(MYSQL_THD, SHOW_VAR* shown, char* room) {
  return show_number(shown, room, idle_clients());
}

SHOW_VAR status(const char* name, mysql_show_var_func function) {
  return {name, reinterpret_cast<char*>(function), SHOW_FUNC, SHOW_SCOPE_GLOBAL};
}

SHOW_VAR status_variables[] = {status("Gman_foreground_jobs", show<Counter::foreground_jobs>),
                               status("Gman_background_jobs", show<Counter::background_jobs>),
                               status("Gman_errors", show<Counter::errors>),
                               status("Gman_kills", show<Counter::kills>),
                               status("Gman_clients_made", show<Counter::clients_made>),
                               status("Gman_clients_reused", show<Counter::clients_reused>),
                               status("Gman_idle_connections", show_idle),
                               {nullptr, nullptr, SHOW_UNDEF, SHOW_SCOPE_UNDEF}};

}  // namespace

bool install_counters() {
  return mysql_service_status_variable_registration->register_variable(status_variables) == 0;
}

void uninstall_counters() {
  mysql_service_status_variable_registration->unregister_variable(status_variables);
}

}  // namespace gman::udf::component
