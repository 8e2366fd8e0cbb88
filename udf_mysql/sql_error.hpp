// SPDX-License-Identifier: BSD-3-Clause
// How a failure inside a function becomes an error of the SQL statement.
//
// Between a server's call and its return failures travel as exceptions, since the way back crosses
// C++ frames only; boundary.hpp turns them into what the server understands.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <gman/gman.h>

#include "udf_mysql/on_error.hpp"

namespace gman::udf {

/// What the user shall read. Unless a policy says otherwise, the statement fails with error 1644
/// (ER_SIGNAL_EXCEPTION).
class SqlError : public std::runtime_error {
 public:
  explicit SqlError(const std::string& message, gman_status status = GMAN_INVALID_ARGUMENT,
                    std::string server = {})
      : std::runtime_error(message), status_(status), server_(std::move(server)) {}

  [[nodiscard]] gman_status status() const { return status_; }
  /// The job server that it is about; may be empty.
  [[nodiscard]] const std::string& server() const { return server_; }

  /// Nothing: the session's policy.
  [[nodiscard]] std::optional<OnError> policy() const { return policy_; }
  void set_policy(std::optional<OnError> policy) { policy_ = policy; }

 private:
  gman_status status_;
  std::string server_;
  std::optional<OnError> policy_;
};

/// The session was killed. `code` is the server's own error for that, 0 when there is none.
struct Killed {
  unsigned code;
};

/// The account that the statement runs as lacks a privilege: the server's error 1227.
struct AccessDenied {
  const char* privilege;
};

/// Puts the error into this session: the statement fails, and so does the statement whose trigger
/// called us. On a server that exports no way to do so the error flag alone remains, which is
/// NULL to the user; docs/MYSQL.md has the recipe for that.
void raise_sql_error(const std::string& message);

/// Leaves the message for SHOW WARNINGS, where the server exports a way to.
void leave_note(const std::string& message);

/// The same as raise_sql_error() with one of the server's own errors, whose text names `what` where
/// it names anything.
void raise_server_error(unsigned code, const char* what = "");

}  // namespace gman::udf
