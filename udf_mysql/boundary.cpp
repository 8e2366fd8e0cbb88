// SPDX-License-Identifier: BSD-3-Clause
#include "udf_mysql/boundary.hpp"

#include <cstdio>
#include <exception>
#include <new>

#include "udf_mysql/sql_error.hpp"

namespace gman::udf {
namespace {

/// What both MySQL and MariaDB pass to an `x_init`.
constexpr std::size_t init_message_bytes = 512;

/// Throws nothing: it runs where nobody is left to catch.
template <class Tell>
void tell_caught(Tell&& tell) {
  try {
    try {
      throw;
    } catch (const Killed& killed) {
      // A server reports a kill only at its own next look, and a plain SELECT of one row has none:
      // without this it would succeed with NULL.
      if (killed.code != 0) raise_server_error(killed.code);
    } catch (const std::bad_alloc&) {
      tell("out of memory");
    } catch (const std::exception& failure) {
      tell(failure.what());
    } catch (...) {
      tell("an unknown exception was thrown");
    }
  } catch (...) {  // composing the message needed memory, too: the error flag must do
  }
}

}  // namespace

void describe_caught_for_init(char* message) {
  tell_caught([&](const char* what) { std::snprintf(message, init_message_bytes, "%s", what); });
}

void raise_caught(const char* name) {
  tell_caught([&](const char* what) { raise_sql_error(std::string(name) + ": " + what); });
}

}  // namespace gman::udf
