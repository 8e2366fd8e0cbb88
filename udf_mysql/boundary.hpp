// SPDX-License-Identifier: BSD-3-Clause
// The wall between our C++ and the server's C: no exception passes it, broken laws of our own
// (AssertionFailure) and exhausted memory included, since it would end the database server.
#pragma once

#include "udf_mysql/abi.hpp"
#include "udf_mysql/plugin.hpp"

namespace gman::udf {

/// Inside a catch block: writes what was caught to the `message` buffer of an `x_init`.
void describe_caught_for_init(char* message);

/// Inside a catch block: remembers what was caught for gman_last_error(), and does with it what the
/// policy says: an SQL error that starts with `name`, or NULL.
void settle_caught(const char* name, char* is_null, char* error);

/// Runs the body of an `x_init` for those who may call. What it throws is the statement's error, of
/// which MariaDB shows 80 bytes: reason first.
template <class Body>
Bool at_init(char* message, Body&& body) {
  try {
    demand_privilege();
    body();
    return 0;
  } catch (...) {
    describe_caught_for_init(message);
    return 1;
  }
}

/// Runs the body of an `x`, `x_clear` or `x_add`; `name` is the SQL name. What it throws fails the
/// statement, and the server does not call again for its further rows; or it makes the row NULL.
template <class Body>
void at_row(const char* name, char* is_null, char* error, Body&& body) {
  try {
    body();
  } catch (...) {
    settle_caught(name, is_null, error);
  }
}

}  // namespace gman::udf
