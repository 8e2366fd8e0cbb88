// SPDX-License-Identifier: BSD-3-Clause
// Asking job servers in the admin text protocol: one line out, one answer back, from all servers of
// the list at the same time.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/exit.hpp"
#include "client/fsm/server_list.hpp"

namespace gman::cli {

struct Answer {
  std::string server;  ///< as the list names it
  std::string text;    ///< the whole answer, its end included
  bool is_refusal = false;
  std::optional<std::string> failure;  ///< why there is none
};

/// In the order of the list.
[[nodiscard]] std::vector<Answer> ask(const std::vector<ServerAddress>& servers, std::string line);

/// Tells of each server that did not answer; Exit::unreachable when there was one.
[[nodiscard]] Exit report_failures(const std::vector<Answer>& answers, std::string_view command);

}  // namespace gman::cli
