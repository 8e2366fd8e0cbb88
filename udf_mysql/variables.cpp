// SPDX-License-Identifier: BSD-3-Clause
#include "udf_mysql/variables.hpp"

#include <gman/gman.h>

#include <cstring>
#include <utility>

#include "udf_mysql/guarded.hpp"
#include "udf_mysql/servers.hpp"
#include "udf_mysql/sql_error.hpp"

namespace gman::udf {
namespace {

struct Variables {
  /// Null while the plugin is not installed.
  std::shared_ptr<const Settings> settings;
  /// Why no call can be made; empty: they can.
  std::string wrong;
};

Guarded<Variables>& variables() {
  static auto& instance = *new Guarded<Variables>;
  return instance;
}

/// Throws SqlError when it is no list.
void check_list(const char* variable, const char* list) {
  char why[256];
  if (std::strlen(list) > variable_bytes_max) {
    throw SqlError(std::string(variable) + " is longer than " + std::to_string(variable_bytes_max) +
                   " bytes");
  }
  if (*list != '\0' && gman_servers_check(list, why, sizeof why) != GMAN_OK) {
    throw SqlError(std::string(variable) + ": " + why);
  }
}

void check_lists(const ListNames& names, const char* servers, const char* allowed) {
  check_list(names.servers, servers);
  check_list(names.allowed_servers, allowed);
  check_allowed(servers, allowed);
}

}  // namespace

bool accept_servers(const ListNames& names, const char* servers, const char* allowed) {
  bool is_accepted = false;
  const bool is_checked = at_hook([&] {
    try {
      check_lists(names, servers, allowed);
      is_accepted = true;
    } catch (const SqlError& failure) {
      raise_sql_error(failure.what());
    }
  });
  return is_checked && is_accepted;
}

std::string adopt_variables(const ListNames& names, Settings settings) {
  Variables fresh;
  try {
    check_lists(names, settings.servers.c_str(), settings.allowed_servers.c_str());
  } catch (const SqlError& failure) {
    fresh.wrong = failure.what();
  }
  std::string wrong = fresh.wrong;
  fresh.settings = std::make_shared<const Settings>(std::move(settings));
  variables().with([&](Variables& last) { std::swap(last, fresh); });
  return wrong;
}

void abandon_variables() {
  variables().with([](Variables& last) { last = {}; });
}

std::shared_ptr<Settings> adopted_variables() {
  const Variables now = variables().with([](const Variables& last) { return last; });
  if (!now.settings) return nullptr;
  if (!now.wrong.empty()) throw SqlError(now.wrong);
  return std::make_shared<Settings>(*now.settings);
}

}  // namespace gman::udf
