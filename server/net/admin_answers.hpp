// SPDX-License-Identifier: BSD-3-Clause
// What the server answers to an admin line: the words are protocol/admin.hpp's, the facts the
// engine's and the shell's.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/log.hpp"
#include "base/time.hpp"
#include "protocol/admin.hpp"
#include "server/engine/engine.hpp"
#include "server/net/session.hpp"

namespace gman {

struct AdminContext {
  Engine& engine;
  Effects& effects;
  Now now;
  SessionTable& sessions;
  LogLevel verbosity;
  std::string_view line;  ///< as it was sent
  bool may_shut_down;
  std::optional<AdminShutdown>& shutdown_request;  ///< set when it is obeyed
};

[[nodiscard]] std::string admin_answer(const AdminCommand& command, AdminContext context);

}  // namespace gman
