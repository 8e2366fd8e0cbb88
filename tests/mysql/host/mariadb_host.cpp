// SPDX-License-Identifier: BSD-3-Clause
// MariaDB: error functions with C names and 64-bit flags; the session comes from `_current_thd`,
// and any of the kill functions ends the server when it gets NULL instead.
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include "tests/mysql/host/host.hpp"

namespace host {
const unsigned kill_code = 1969;
const bool knows_sessions = true;
const bool hears_of_waits = true;
const bool can_raise = true;
}  // namespace host

/// As the C++ name of its one function needs it: THD::killed_errno().
class THD {
 public:
  int killed_errno();
};

namespace {
THD session_of_this_thread;

void expect_session(const void* session) {
  if (session != &session_of_this_thread) std::abort();
}
}  // namespace

int THD::killed_errno() {
  expect_session(this);
  return host::is_killed ? static_cast<int>(host::kill_code) : 0;
}

extern "C" THD* _current_thd() {
  return &session_of_this_thread;
}

extern "C" int thd_kill_level(const void* session) {
  expect_session(session);
  constexpr int softly = 50;
  return host::is_killed ? softly : 0;
}

extern "C" int thd_killed(const void* session) {
  expect_session(session);  // MySQL's way to ask would be NULL
  return 0;
}

extern "C" unsigned long thd_get_thread_id(const void* session) {
  expect_session(session);
  return 17;
}

extern "C" bool thd_is_slave(const void* session) {
  expect_session(session);
  return host::is_replica;
}

extern "C" void thd_wait_begin(void* session, int what_for) {
  expect_session(session);
  constexpr int network = 11;
  if (what_for != network) std::abort();
  ++host::waits;
  ++host::open_waits;
}

extern "C" void thd_wait_end(void* session) {
  expect_session(session);
  --host::open_waits;
}

extern "C" void my_printf_error(unsigned code, const char* format, unsigned long flags, ...) {
  constexpr unsigned long note = 1024;
  if (flags != 0 && flags != note) std::abort();
  char message[512];
  va_list arguments;
  va_start(arguments, flags);
  std::vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  (flags == note ? host::noted : host::raised).push_back({code, message});
}

extern "C" void my_error(unsigned code, unsigned long flags, ...) {
  if (flags != 0) std::abort();
  host::raised.push_back({code, ""});
}
