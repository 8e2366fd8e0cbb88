// SPDX-License-Identifier: BSD-3-Clause
// The plugin `gman` of MariaDB, in the same file as the functions: INSTALL SONAME 'gman_udf'.
//
// It is the functions' configuration as system variables (gman_…, in my.cnf or by SET), some of
// them each session's own; their counters in SHOW STATUS; and the one way to hear that a session
// has ended. It calls itself an audit plugin because the interface of those is the same in all
// versions of the server, and asks for nothing but the coming and going of sessions.
//
// The server calls the functions below one at a time, with its lock for global variables held. What
// the sessions need of them is put together each time (variables.hpp).
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <tuple>
#include <utility>

#include "udf_mysql/counters.hpp"
#include "udf_mysql/last_error.hpp"
#include "udf_mysql/plugin.hpp"
#include "udf_mysql/pool.hpp"
#include "udf_mysql/server_api.hpp"
#include "udf_mysql/variables.hpp"

// The server's headers come last: they define macros with short names.
#define MYSQL_DYNAMIC_PLUGIN
#include <my_global.h>
#include <mysql/plugin_audit.h>
#include <typelib.h>

namespace gman::udf {
namespace {

// The global variables, where the server reads and writes them.
char* servers_text = nullptr;
char* allowed_servers_text = nullptr;
char is_servers_set_allowed = 0;
char is_sent_on_replica = 0;
int connect_timeout = 0;
int answer_timeout = 0;
int idle_connections = 0;

constexpr ListNames list_names{"gman_servers", "gman_allowed_servers"};

/// After each change, and at the beginning. Throws when there is no memory.
void gather() {
  Settings settings;
  settings.servers = or_empty(servers_text);
  settings.allowed_servers = or_empty(allowed_servers_text);
  settings.allow_servers_set = is_servers_set_allowed != 0;
  settings.send_on_replica = is_sent_on_replica != 0;
  settings.connect_timeout_ms = connect_timeout;
  settings.answer_timeout_ms = answer_timeout;
  settings.idle_connections_max = idle_connections;
  const std::string wrong = adopt_variables(list_names, std::move(settings));
  if (!wrong.empty()) std::fprintf(stderr, "gman: %s\n", wrong.c_str());
}

/// What could not be gathered leaves the settings as they were.
void gather_after_change() {
  if (!at_hook(gather)) std::fputs("gman: no memory: a changed setting has no effect\n", stderr);
}

/// In a list that is not allowed nothing changes.
int check_servers(MYSQL_THD, st_mysql_sys_var*, void* save, st_mysql_value* value) {
  // Without room here the text is put where it lives as long as the statement.
  char none = '\0';
  int bytes = 0;
  const char* list = value->val_str(value, &none, &bytes);
  if (list == nullptr || list == &none) list = "";
  if (!accept_servers(list_names, list, or_empty(allowed_servers_text))) return 1;
  *static_cast<const char**>(save) = list;
  return 0;
}

void update_servers(MYSQL_THD, st_mysql_sys_var*, void* variable, const void* save) {
  static std::array<char, variable_bytes_max + 1> kept;
  std::snprintf(kept.data(), kept.size(), "%s", *static_cast<const char* const*>(save));
  *static_cast<char**>(variable) = kept.data();
  gather_after_change();
}

template <class Value>
void update(MYSQL_THD, st_mysql_sys_var*, void* variable, const void* save) {
  *static_cast<Value*>(variable) = *static_cast<const Value*>(save);
  gather_after_change();
}

const char* on_error_names[] = {"error", "warning", "null", nullptr};
TYPELIB on_error_names_list = {3, "gman_on_error", on_error_names, nullptr};

constexpr int hour_ms = timeout_ms_max;

MYSQL_SYSVAR_STR(servers, servers_text, PLUGIN_VAR_RQCMDARG,
                 "Job servers in the order in which they are tried: host:port,unix:/path",
                 check_servers, update_servers, "");
MYSQL_SYSVAR_STR(allowed_servers, allowed_servers_text, PLUGIN_VAR_RQCMDARG | PLUGIN_VAR_READONLY,
                 "The only job servers that gman_servers and gman_servers_set() may name; "
                 "empty: all",
                 nullptr, nullptr, "");
MYSQL_SYSVAR_BOOL(allow_servers_set, is_servers_set_allowed, PLUGIN_VAR_OPCMDARG,
                  "Whether any session may re-point the jobs of all by gman_servers_set()", nullptr,
                  update<char>, 0);
MYSQL_SYSVAR_BOOL(send_on_replica, is_sent_on_replica, PLUGIN_VAR_OPCMDARG,
                  "Whether jobs are sent again where a replica applies their statement", nullptr,
                  update<char>, 0);
MYSQL_SYSVAR_INT(connect_timeout_ms, connect_timeout, PLUGIN_VAR_RQCMDARG,
                 "For each job server: name, connection and first answer, together", nullptr,
                 update<int>, 2000, 1, hour_ms, 0);
MYSQL_SYSVAR_INT(answer_timeout_ms, answer_timeout, PLUGIN_VAR_RQCMDARG,
                 "Until a job server has taken a job, or answered a ping; 0: no limit", nullptr,
                 update<int>, 10000, 0, hour_ms, 0);
MYSQL_SYSVAR_INT(idle_connections_max, idle_connections, PLUGIN_VAR_RQCMDARG,
                 "Idle connections that are kept for the next calls", nullptr, update<int>, 256, 0,
                 idle_connections_limit, 0);
MYSQL_THDVAR_ENUM(on_error, PLUGIN_VAR_RQCMDARG,
                  "What a failed call means for its statement: error, warning or null", nullptr,
                  nullptr, 0, &on_error_names_list);
MYSQL_THDVAR_INT(deadline_ms, PLUGIN_VAR_RQCMDARG,
                 "For a whole call, gman_do() included; 0: no limit", nullptr, nullptr, 0, 0,
                 hour_ms, 0);

st_mysql_sys_var* system_variables[] = {MYSQL_SYSVAR(servers),
                                        MYSQL_SYSVAR(allowed_servers),
                                        MYSQL_SYSVAR(allow_servers_set),
                                        MYSQL_SYSVAR(send_on_replica),
                                        MYSQL_SYSVAR(connect_timeout_ms),
                                        MYSQL_SYSVAR(answer_timeout_ms),
                                        MYSQL_SYSVAR(idle_connections_max),
                                        MYSQL_SYSVAR(on_error),
                                        MYSQL_SYSVAR(deadline_ms),
                                        nullptr};

int show_number(st_mysql_show_var* shown, void* room, unsigned long long number) {
  std::memcpy(room, &number, sizeof number);
  shown->type = SHOW_ULONGLONG;
  shown->value = static_cast<char*>(room);
  return 0;
}

template <Counter counter>
int show(MYSQL_THD, st_mysql_show_var* shown, void* room, system_status_var*, enum_var_type) {
  return show_number(shown, room, counted(counter));
}

int show_idle(MYSQL_THD, st_mysql_show_var* shown, void* room, system_status_var*, enum_var_type) {
  return show_number(shown, room, idle_clients());
}

template <class Function>
st_mysql_show_var status(const char* name, Function* function) {
  return {name, reinterpret_cast<char*>(function), SHOW_SIMPLE_FUNC};
}

st_mysql_show_var status_variables[] = {
    status("Gman_foreground_jobs", show<Counter::foreground_jobs>),
    status("Gman_background_jobs", show<Counter::background_jobs>),
    status("Gman_errors", show<Counter::errors>),
    status("Gman_kills", show<Counter::kills>),
    status("Gman_silenced_on_replica", show<Counter::silenced>),
    status("Gman_clients_made", show<Counter::clients_made>),
    status("Gman_clients_reused", show<Counter::clients_reused>),
    status("Gman_idle_connections", show_idle),
    {nullptr, nullptr, SHOW_UNDEF}};

void notice(MYSQL_THD, unsigned event_class, const void* event) {
  if (event_class != MYSQL_AUDIT_CONNECTION_CLASS) return;
  const auto& connection = *static_cast<const mysql_event_connection*>(event);
  if (connection.event_subclass == MYSQL_AUDIT_CONNECTION_DISCONNECT) {
    // Without memory none was remembered.
    std::ignore = at_hook([&] { forget_errors_of(connection.thread_id); });
  }
}

st_mysql_audit audit = {
    MYSQL_AUDIT_INTERFACE_VERSION, nullptr, notice, {MYSQL_AUDIT_CONNECTION_CLASSMASK}};

int install(void*) {
  return at_hook(gather) ? 0 : 1;
}

/// Sessions that call meanwhile have the settings, or find those of the file.
int uninstall(void*) {
  abandon_variables();
  return 0;
}

}  // namespace

std::shared_ptr<const Settings> plugin_settings() {
  auto settings = adopted_variables();
  if (!settings) return nullptr;
  auto* session = static_cast<MYSQL_THD>(server_api().current_session());
  constexpr std::array policies{OnError::error, OnError::warning, OnError::null};
  settings->on_error = policies.at(THDVAR(session, on_error));
  settings->deadline_ms = THDVAR(session, deadline_ms);
  return settings;
}

/// MariaDB has no privileges that a plugin makes.
void demand_privilege() {}

/// notice() hears of every session's.
void expect_end_of(std::uint64_t) {}

}  // namespace gman::udf

#pragma GCC visibility push(default)
maria_declare_plugin(gman){
    MYSQL_AUDIT_PLUGIN,
    &gman::udf::audit,
    "gman",
    "gman",
    "Configuration and counters of the functions that hand jobs to a Gearman job server",
    PLUGIN_LICENSE_BSD,
    gman::udf::install,
    gman::udf::uninstall,
    0x0001,
    gman::udf::status_variables,
    gman::udf::system_variables,
    GMAN_VERSION,
    MariaDB_PLUGIN_MATURITY_GAMMA,
} maria_declare_plugin_end;
#pragma GCC visibility pop
