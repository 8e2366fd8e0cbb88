// SPDX-License-Identifier: BSD-3-Clause
// MySQL 8 and 9: error functions with C++ names and 32-bit flags; `thd_killed(NULL)` is the error
// code of this session's kill.
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include "tests/mysql/host/host.hpp"

namespace host {
const unsigned kill_code = 3024;
const bool knows_sessions = true;
const bool hears_of_waits = false;
const bool can_raise = true;
}  // namespace host

class THD {};

/// As the C++ name of push_warning() needs it.
class Sql_condition {
 public:
  enum enum_severity_level { SL_NOTE, SL_WARNING, SL_ERROR };
};

namespace {
THD session_of_this_thread;
}  // namespace

THD* thd_get_current_thd() {
  return &session_of_this_thread;
}

extern "C" unsigned thd_get_thread_id(const void* session) {
  if (session != &session_of_this_thread) std::abort();
  return 17;
}

void push_warning(THD* session, Sql_condition::enum_severity_level level, unsigned code,
                  const char* text) {
  if (session != &session_of_this_thread || level != Sql_condition::SL_NOTE) std::abort();
  host::noted.push_back({code, text});
}

extern "C" int thd_killed(const void* session) {
  if (session != nullptr) std::abort();
  return host::is_killed ? static_cast<int>(host::kill_code) : 0;
}

void my_printf_error(unsigned code, const char* format, int flags, ...) {
  if (flags != 0) std::abort();
  char message[512];
  va_list arguments;
  va_start(arguments, flags);
  std::vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  host::raised.push_back({code, message});
}

void my_error(int code, int flags, ...) {
  if (flags != 0) std::abort();
  host::raised.push_back({static_cast<unsigned>(code), ""});
}
