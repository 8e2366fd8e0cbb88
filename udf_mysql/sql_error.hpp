// SPDX-License-Identifier: BSD-3-Clause
// How a failure inside a function becomes an error of the SQL statement.
//
// Between a server's call and its return failures travel as exceptions, since the way back crosses
// C++ frames only; boundary.hpp turns them into what the server understands.
#pragma once

#include <stdexcept>
#include <string>

namespace gman::udf {

/// What the user shall read. The statement fails with error 1644 (ER_SIGNAL_EXCEPTION).
class SqlError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The session was killed. `code` is the server's own error for that, 0 when there is none.
struct Killed {
  unsigned code;
};

/// Puts the error into this session: the statement fails, and so does the statement whose trigger
/// called us. On a server that exports no way to do so the error flag alone remains, which is
/// NULL to the user; docs/MYSQL.md has the recipe for that.
void raise_sql_error(const std::string& message);

/// The same with one of the server's own errors that take no arguments.
void raise_server_error(unsigned code);

}  // namespace gman::udf
