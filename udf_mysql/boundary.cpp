// SPDX-License-Identifier: BSD-3-Clause
#include "udf_mysql/boundary.hpp"

#include <cstdio>
#include <exception>
#include <new>

#include "udf_mysql/counters.hpp"
#include "udf_mysql/last_error.hpp"
#include "udf_mysql/settings.hpp"
#include "udf_mysql/sql_error.hpp"

namespace gman::udf {
namespace {

/// What both MySQL and MariaDB pass to an `x_init`.
constexpr std::size_t init_message_bytes = 512;

/// Throws nothing: it runs where nobody is left to catch. `tell` gets an SqlError in any case.
template <class Tell>
void tell_caught(Tell&& tell) {
  try {
    try {
      throw;
    } catch (const Killed& killed) {
      count(Counter::kills);
      // A server reports a kill only at its own next look, and a plain SELECT of one row has none:
      // without this it would succeed with NULL.
      if (killed.code != 0) raise_server_error(killed.code);
    } catch (const AccessDenied& denied) {
      constexpr unsigned er_specific_access_denied = 1227;
      raise_server_error(er_specific_access_denied, denied.privilege);
      tell(SqlError(std::string("needs the privilege ") + denied.privilege));
    } catch (const SqlError& failure) {
      tell(failure);
    } catch (const std::bad_alloc&) {
      tell(SqlError("out of memory", GMAN_OUT_OF_MEMORY));
    } catch (const std::exception& failure) {
      tell(SqlError(failure.what(), GMAN_INTERNAL_ERROR));
    } catch (...) {
      tell(SqlError("an unknown exception was thrown", GMAN_INTERNAL_ERROR));
    }
  } catch (...) {  // composing the message needed memory, too: the error flag must do
  }
}

/// A wrong configuration says nothing of what its writer wants, who is to hear of it, therefore.
OnError policy_for(const SqlError& failure) {
  if (failure.policy()) return *failure.policy();
  try {
    return settings()->on_error;
  } catch (const SqlError&) {
    return OnError::error;
  }
}

}  // namespace

void describe_caught_for_init(char* message) {
  std::snprintf(message, init_message_bytes, "out of memory");
  tell_caught([&](const SqlError& failure) {
    std::snprintf(message, init_message_bytes, "%s", failure.what());
  });
}

void settle_caught(const char* name, char* is_null, char* error) {
  *error = 1;
  tell_caught([&](const SqlError& failure) {
    count(Counter::errors);
    remember_error(name, failure);
    const std::string message = std::string(name) + ": " + failure.what();
    switch (policy_for(failure)) {
      case OnError::error: raise_sql_error(message); return;
      case OnError::warning: leave_note(message); break;
      case OnError::null: break;
    }
    *error = 0;
    *is_null = 1;
  });
}

}  // namespace gman::udf
