// SPDX-License-Identifier: BSD-3-Clause
// The functions' configuration as system variables of MySQL: gman.servers and so on, by SET GLOBAL,
// SET PERSIST, INSTALL COMPONENT … SET or on the server's command line; two of them each session's
// own.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "udf_mysql/mysql_component.hpp"
#include "udf_mysql/plugin.hpp"
#include "udf_mysql/variables.hpp"

namespace gman::udf {
namespace component {
namespace {

constexpr ListNames list_names{"gman.servers", "gman.allowed_servers"};

/// Where the server reads and writes a list. What it puts there lives no longer than the statement;
/// keep() copies it.
class List {
 public:
  void keep(const char* text) {
    std::snprintf(bytes_.data(), bytes_.size(), "%s", or_empty(text));
    text_ = bytes_.data();
  }
  /// One byte more than may be: a longer text is not cut to one that would be right.
  void keep() {
    if (text_ != bytes_.data()) keep(text_);
  }
  [[nodiscard]] const char* text() const { return or_empty(text_); }
  char** place() { return &text_; }

 private:
  std::array<char, variable_bytes_max + 2> bytes_{};
  char* text_ = nullptr;
};

// The global variables, where the server reads and writes them.
List servers;
List allowed_servers;
bool is_servers_set_allowed = false;
bool is_sent_on_replica = false;
int connect_timeout = 0;
int answer_timeout = 0;
int idle_connections = 0;
// The server has these two for each session.
unsigned long on_error_of_sessions = 0;
int deadline_of_sessions = 0;

/// After each change, and at the beginning. What could not be gathered leaves the settings as they
/// were.
void gather() {
  const bool is_gathered = at_hook([] {
    Settings settings;
    settings.servers = servers.text();
    settings.allowed_servers = allowed_servers.text();
    settings.allow_servers_set = is_servers_set_allowed;
    settings.send_on_replica = is_sent_on_replica;
    settings.connect_timeout_ms = connect_timeout;
    settings.answer_timeout_ms = answer_timeout;
    settings.idle_connections_max = idle_connections;
    const std::string wrong = adopt_variables(list_names, std::move(settings));
    if (!wrong.empty()) log_error(wrong);
  });
  if (!is_gathered) std::fputs("gman: no memory: a changed setting has no effect\n", stderr);
}

/// In a list that is not allowed nothing changes.
int check_servers(MYSQL_THD, SYS_VAR*, void* save, st_mysql_value* value) {
  // Without room here the text is put where it lives as long as the statement.
  char none = '\0';
  int bytes = 0;
  const char* list = value->val_str(value, &none, &bytes);
  if (list == nullptr || list == &none) list = "";
  if (!accept_servers(list_names, list, allowed_servers.text())) return 1;
  *static_cast<const char**>(save) = list;
  return 0;
}

void update_servers(MYSQL_THD, SYS_VAR*, void*, const void* save) {
  servers.keep(*static_cast<const char* const*>(save));
  gather();
}

template <class Value>
void update(MYSQL_THD, SYS_VAR*, void* variable, const void* save) {
  *static_cast<Value*>(variable) = *static_cast<const Value*>(save);
  gather();
}

const char* on_error_names[] = {"error", "warning", "null", nullptr};
TYPE_LIB on_error_names_list{3, "gman_on_error", on_error_names, nullptr};

struct Variable {
  const char* name;
  int flags;
  const char* comment;
  mysql_sys_var_check_func check;
  mysql_sys_var_update_func update;
  void* limits;
  void* place;
};

STR_CHECK_ARG(list) no_list{const_cast<char*>("")};
BOOL_CHECK_ARG(flag) off{false};
INTEGRAL_CHECK_ARG(int) connect_timeout_limits{2000, 1, timeout_ms_max, 0};
int_check_arg_s answer_timeout_limits{10000, 0, timeout_ms_max, 0};
int_check_arg_s idle_connections_limits{256, 0, idle_connections_limit, 0};
int_check_arg_s deadline_limits{0, 0, timeout_ms_max, 0};
ENUM_CHECK_ARG(policy) on_error_limits{0, &on_error_names_list};

const Variable variables[] = {
    {"allowed_servers", PLUGIN_VAR_STR | PLUGIN_VAR_READONLY,
     "The only job servers that gman.servers and gman_servers_set() may name; empty: all", nullptr,
     nullptr, &no_list, allowed_servers.place()},
    {"servers", PLUGIN_VAR_STR,
     "Job servers in the order in which they are tried: host:port,unix:/path", check_servers,
     update_servers, &no_list, servers.place()},
    {"allow_servers_set", PLUGIN_VAR_BOOL | PLUGIN_VAR_OPCMDARG,
     "Whether any session may re-point the jobs of all by gman_servers_set()", nullptr,
     update<bool>, &off, &is_servers_set_allowed},
    {"send_on_replica", PLUGIN_VAR_BOOL | PLUGIN_VAR_OPCMDARG,
     "Whether jobs are sent again where a replica applies their statement", nullptr, update<bool>,
     &off, &is_sent_on_replica},
    {"connect_timeout_ms", PLUGIN_VAR_INT,
     "For each job server: name, connection and first answer, together", nullptr, update<int>,
     &connect_timeout_limits, &connect_timeout},
    {"answer_timeout_ms", PLUGIN_VAR_INT,
     "Until a job server has taken a job, or answered a ping; 0: no limit", nullptr, update<int>,
     &answer_timeout_limits, &answer_timeout},
    {"idle_connections_max", PLUGIN_VAR_INT, "Idle connections that are kept for the next calls",
     nullptr, update<int>, &idle_connections_limits, &idle_connections},
    {"on_error", PLUGIN_VAR_ENUM | PLUGIN_VAR_THDLOCAL,
     "What a failed call means for its statement: error, warning or null", nullptr, nullptr,
     &on_error_limits, &on_error_of_sessions},
    {"deadline_ms", PLUGIN_VAR_INT | PLUGIN_VAR_THDLOCAL,
     "For a whole call, gman_do() included; 0: no limit", nullptr, nullptr, &deadline_limits,
     &deadline_of_sessions},
};

bool add(const Variable& variable) {
  return mysql_service_component_sys_variable_register->register_variable(
             component_name, variable.name, variable.flags, variable.comment, variable.check,
             variable.update, variable.limits, variable.place) == 0;
}

void remove(const Variable& variable) {
  mysql_service_component_sys_variable_unregister->unregister_variable(component_name,
                                                                       variable.name);
}

/// A session's value as the server writes it; nothing where it cannot be read.
class SessionValue {
 public:
  SessionValue(MYSQL_THD session, const char* variable) {
    void* place = text_.data();
    std::size_t bytes = text_.size();
    if (mysql_service_mysql_system_variable_reader->get(session, "SESSION", component_name,
                                                        variable, &place, &bytes) == 0) {
      value_ = std::string_view(text_.data(), bytes);
    }
  }
  [[nodiscard]] std::optional<std::string_view> get() const { return value_; }

 private:
  std::array<char, 32> text_{};
  std::optional<std::string_view> value_;
};

}  // namespace

bool install_variables() {
  for (const Variable* variable = std::begin(variables); variable != std::end(variables);
       ++variable) {
    if (add(*variable)) {
      allowed_servers.keep();
      servers.keep();
      continue;
    }
    while (variable != std::begin(variables)) remove(*--variable);
    return false;
  }
  gather();
  return true;
}

void uninstall_variables() {
  std::ranges::for_each(variables, remove);
  abandon_variables();
}

}  // namespace component

std::shared_ptr<const Settings> plugin_settings() {
  auto settings = adopted_variables();
  MYSQL_THD session = nullptr;
  if (!settings || mysql_service_mysql_current_thread_reader->get(&session) != 0 ||
      session == nullptr) {
    return settings;
  }
  const component::SessionValue on_error(session, "on_error");
  if (on_error.get()) settings->on_error = on_error_named(*on_error.get()).value_or(OnError::error);
  const component::SessionValue deadline(session, "deadline_ms");
  if (const auto text = deadline.get()) {
    std::from_chars(text->data(), text->data() + text->size(), settings->deadline_ms);
  }
  return settings;
}

}  // namespace gman::udf
