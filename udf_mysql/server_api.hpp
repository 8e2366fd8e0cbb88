// SPDX-License-Identifier: BSD-3-Clause
// What the database server that loaded us exports beyond the UDF interface, looked up by name when
// first needed, since one shared object serves all servers and none of it is promised to exist.
//
// Which server it is decides everything, and guessing is fatal: MySQL's `thd_killed(NULL)` means
// "this session", while MariaDB dereferences that NULL. Only MariaDB exports `_current_thd`, so
// that symbol alone decides.
#pragma once

namespace gman::udf {

struct ServerApi {
  /// MariaDB: the session of this thread (NULL in a thread without one), how hard it was killed
  /// (0: not at all), and the error that says in which way (0: none does).
  void* (*current_session)() = nullptr;
  int (*kill_level)(const void* session) = nullptr;
  int (*kill_error)(const void* session) = nullptr;
  /// MariaDB: CONNECTION_ID(); whether it applies another server's binary log (a bool, whatever
  /// the server's own headers say: beyond its byte the register holds anything); and what tells the
  /// pool of threads that the session waits.
  unsigned long (*session_id)(const void* session) = nullptr;
  bool (*is_replica)(const void* session) = nullptr;
  void (*wait_begin)(void* session, int what_for) = nullptr;
  void (*wait_end)(void* session) = nullptr;
  /// MySQL: the error that says in which way a session was killed, 0 when it was not; NULL is the
  /// session of this thread.
  int (*killed)(const void* session) = nullptr;
  /// MySQL: the session of this thread, its CONNECTION_ID(), and what puts a line into its SHOW
  /// WARNINGS.
  void* (*mysql_session)() = nullptr;
  unsigned (*mysql_session_id)(const void* session) = nullptr;
  void (*push_warning)(void* session, int severity, unsigned code, const char* text) = nullptr;
  /// Puts an error into this session: with a message of ours, or the server's own for its code.
  /// The same arguments travel in the same registers for MariaDB's 64-bit and MySQL's 32-bit flags.
  void (*raise_message)(unsigned code, const char* format, long flags, ...) = nullptr;
  void (*raise_code)(unsigned code, long flags, ...) = nullptr;
  /// The flag by which `raise_message` leaves a note in SHOW WARNINGS and fails nothing; 0 where
  /// it cannot. Not the flag for a warning, of which strict mode makes an error.
  long note_flag = 0;
};

[[nodiscard]] const ServerApi& server_api();

}  // namespace gman::udf
