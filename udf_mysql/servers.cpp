// SPDX-License-Identifier: BSD-3-Clause
#include "udf_mysql/servers.hpp"

#include <gman/gman.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "client/fsm/server_list.hpp"
#include "udf_mysql/guarded.hpp"
#include "udf_mysql/job_arguments.hpp"
#include "udf_mysql/sql_error.hpp"
#include "udf_mysql/string_function.hpp"

namespace gman::udf {
namespace {

/// Lists for single functions; any session may add one, so there is an end.
constexpr std::size_t functions_max = 1024;
constexpr unsigned list_bytes_max = 1 << 16;

/// What gman_servers_set() said, by function; the empty name stands for all functions.
using Overrides = std::map<std::string, std::string, std::less<>>;

Guarded<Overrides>& overrides() {
  static auto& instance = *new Guarded<Overrides>;
  return instance;
}

std::string text(const gman_bytes& bytes) {
  return {bytes.data, bytes.size};
}

std::string function_of(const gman_bytes& name) {
  if (name.size > GMAN_FUNCTION_BYTES_MAX) {
    throw SqlError("the function's name is longer than " + std::to_string(GMAN_FUNCTION_BYTES_MAX) +
                   " bytes");
  }
  return text(name);
}

void accept_servers_set_arguments(UDF_ARGS& args) {
  if (args.arg_count < 1 || args.arg_count > 2) {
    throw SqlError("Must give one or two arguments: servers[, function].");
  }
  for (unsigned i = 0; i < args.arg_count; ++i) args.arg_type[i] = STRING_RESULT;
}

/// Checks everything before anything changes; returns the list as it was given.
std::optional<std::string> set_servers(const UDF_ARGS& args) {
  const auto now = settings();
  if (!now->allow_servers_set) {
    throw SqlError(
        "refused, since it would re-point the jobs of all sessions; the administrator "
        "allows it by allow_servers_set = true in gman_udf.toml, by GMAN_ALLOW_SERVERS_SET=1 in "
        "the server's environment or by SET GLOBAL gman_allow_servers_set = ON (of MySQL's "
        "component: gman.allow_servers_set)");
  }
  const auto servers = argument(args, 0);
  if (!servers) throw SqlError("the servers, argument 1, are NULL");
  std::string function;
  if (args.arg_count == 2) {
    const auto name = argument(args, 1);
    if (!name || name->size == 0) throw SqlError("the function, argument 2, is NULL or empty");
    function = function_of(*name);
  }
  std::string list = text(*servers);
  if (list.find('\0') != std::string::npos) throw SqlError("the servers contain a NUL byte");
  char why[256];
  if (!list.empty() && gman_servers_check(list.c_str(), why, sizeof why) != GMAN_OK) {
    throw SqlError(why);
  }
  check_allowed(list, now->allowed_servers);
  overrides().with([&](Overrides& all) {
    if (list.empty()) {
      all.erase(function);
      return;
    }
    if (all.size() >= functions_max && !all.contains(function)) {
      throw SqlError("lists for " + std::to_string(functions_max) + " functions are set already");
    }
    all.insert_or_assign(function, list);
  });
  return list;
}

void accept_servers_get_arguments(UDF_ARGS& args) {
  if (args.arg_count > 1) throw SqlError("Must give no argument or one: function.");
  if (args.arg_count == 1) args.arg_type[0] = STRING_RESULT;
}

/// NULL when none is configured.
std::optional<std::string> get_servers(const UDF_ARGS& args) {
  const auto name = argument(args, 0);
  std::string list = servers_for(name ? function_of(*name) : "", *settings());
  if (list.empty()) return std::nullopt;
  return list;
}

std::vector<ServerAddress> addresses_of(const std::string& list) {
  auto parsed = parse_server_list(list);
  if (auto* wrong = std::get_if<ServerListError>(&parsed)) throw SqlError(wrong->message);
  return std::get<std::vector<ServerAddress>>(std::move(parsed));
}

}  // namespace

void check_allowed(const std::string& servers, const std::string& allowed) {
  if (allowed.empty()) return;
  const auto all = addresses_of(allowed);
  for (const ServerAddress& server : addresses_of(servers)) {
    if (std::ranges::find(all, server.where, &ServerAddress::where) == all.end()) {
      throw SqlError("the job server " + server.name + " is not among those that are allowed (" +
                         allowed + "); the administrator's allowed_servers lists them",
                     GMAN_INVALID_ARGUMENT, server.name);
    }
  }
}

std::string servers_for(std::string_view function, const Settings& settings) {
  auto found = overrides().with([&](const Overrides& all) -> std::optional<std::string> {
    for (const std::string_view name : {function, std::string_view()}) {
      if (const auto entry = all.find(name); entry != all.end()) return entry->second;
    }
    return std::nullopt;
  });
  if (!found) return settings.servers;
  check_allowed(*found, settings.allowed_servers);  // it may have been narrowed since
  return *std::move(found);
}

}  // namespace gman::udf

GMAN_STRING_FUNCTION(gman_servers_set, gman::udf::list_bytes_max,
                     gman::udf::accept_servers_set_arguments, gman::udf::set_servers);
GMAN_STRING_FUNCTION(gman_servers_get, gman::udf::list_bytes_max,
                     gman::udf::accept_servers_get_arguments, gman::udf::get_servers);
