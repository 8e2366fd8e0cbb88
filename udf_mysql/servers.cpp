// SPDX-License-Identifier: BSD-3-Clause
#include "udf_mysql/servers.hpp"

#include <gman/gman.h>

#include <map>
#include <optional>

#include "udf_mysql/abi.hpp"
#include "udf_mysql/boundary.hpp"
#include "udf_mysql/guarded.hpp"
#include "udf_mysql/job_arguments.hpp"
#include "udf_mysql/sql_error.hpp"

namespace gman::udf {
namespace {

/// Lists for single functions; any session may add one, so there is an end.
constexpr std::size_t functions_max = 1024;

/// What gman_servers_set() said, by function; the empty name stands for all functions.
using Overrides = std::map<std::string, std::string, std::less<>>;

Guarded<Overrides>& overrides() {
  static auto& instance = *new Guarded<Overrides>;
  return instance;
}

std::string text(const gman_bytes& bytes) {
  return {bytes.data, bytes.size};
}

/// Checks everything before anything changes; returns the list as it was given.
std::string set_servers(const UDF_ARGS& args) {
  if (!settings()->allow_servers_set) {
    throw SqlError(
        "refused, since it would re-point the jobs of all sessions; the administrator "
        "allows it by allow_servers_set = true in gman_udf.toml or by "
        "GMAN_ALLOW_SERVERS_SET=1 in the server's environment");
  }
  const auto servers = argument(args, 0);
  if (!servers) throw SqlError("the servers, argument 1, are NULL");
  std::string function;
  if (args.arg_count == 2) {
    const auto name = argument(args, 1);
    if (!name || name->size == 0) throw SqlError("the function, argument 2, is NULL or empty");
    if (name->size > GMAN_FUNCTION_BYTES_MAX) {
      throw SqlError("the function, argument 2, is longer than " +
                     std::to_string(GMAN_FUNCTION_BYTES_MAX) + " bytes");
    }
    function = text(*name);
  }
  std::string list = text(*servers);
  if (list.find('\0') != std::string::npos) throw SqlError("the servers contain a NUL byte");
  char why[256];
  if (!list.empty() && gman_servers_check(list.c_str(), why, sizeof why) != GMAN_OK) {
    throw SqlError(why);
  }
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

}  // namespace

std::string servers_for(std::string_view function, const Settings& settings) {
  auto found = overrides().with([&](const Overrides& all) -> std::optional<std::string> {
    for (const std::string_view name : {function, std::string_view()}) {
      if (const auto entry = all.find(name); entry != all.end()) return entry->second;
    }
    return std::nullopt;
  });
  return found ? *std::move(found) : settings.servers;
}

}  // namespace gman::udf

GMAN_UDF gman::udf::Bool gman_servers_set_init(UDF_INIT* init, UDF_ARGS* args, char* message) {
  return gman::udf::at_init(message, [&] {
    if (args->arg_count < 1 || args->arg_count > 2) {
      throw gman::udf::SqlError("Must give one or two arguments: servers[, function].");
    }
    for (unsigned i = 0; i < args->arg_count; ++i) args->arg_type[i] = STRING_RESULT;
    init->maybe_null = 1;
    init->const_item = 0;
    init->max_length = 1 << 16;
    init->ptr = reinterpret_cast<char*>(new std::string);
  });
}

GMAN_UDF gman::udf::Bytes gman_servers_set(UDF_INIT* init, UDF_ARGS* args, char*,
                                           unsigned long* length, char*, char* error) {
  std::string& list = *reinterpret_cast<std::string*>(init->ptr);
  gman::udf::at_row("gman_servers_set", error, [&] { list = gman::udf::set_servers(*args); });
  *length = list.size();
  return *error != 0 ? nullptr : list.data();
}

GMAN_UDF void gman_servers_set_deinit(UDF_INIT* init) {
  delete reinterpret_cast<std::string*>(init->ptr);
}
