// SPDX-License-Identifier: BSD-3-Clause
// What the system variables of MariaDB's plugin, or of MySQL's component, come to.
//
// The server reads and writes the variables themselves, one statement at a time, with a lock held
// that sessions which call us do not take. After each change they are gathered into a Settings.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "udf_mysql/settings.hpp"

namespace gman::udf {

inline constexpr std::size_t variable_bytes_max = 1 << 14;

/// Runs the body of a hook, whose caller is a server that catches nothing. False: there was no
/// memory.
template <class Body>
[[nodiscard]] bool at_hook(Body&& body) {
  try {
    body();
    return true;
  } catch (...) {
    return false;
  }
}

[[nodiscard]] inline const char* or_empty(const char* text) {
  return text == nullptr ? "" : text;
}

/// What the server calls the two lists of job servers.
struct ListNames {
  const char* servers;
  const char* allowed_servers;
};

/// In a hook that checks a new value of the first list: raises the SQL error, and returns false,
/// when it is no list or not allowed.
[[nodiscard]] bool accept_servers(const ListNames& names, const char* servers, const char* allowed);

/// From now on these are the settings; when the lists in them are wrong, every call fails and says
/// why, and so does the result, which is empty otherwise. Throws when there is no memory.
std::string adopt_variables(const ListNames& names, Settings settings);

/// From now on there are no variables.
void abandon_variables();

/// A copy that a session's own variables may change; null while there are no variables. Throws
/// SqlError when the lists are wrong.
[[nodiscard]] std::shared_ptr<Settings> adopted_variables();

}  // namespace gman::udf
