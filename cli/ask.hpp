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
  std::string server;                  ///< as the list names it
  std::string text;                    ///< the whole answer, its end included
  std::optional<std::string> failure;  ///< why there is none
};

/// In the order of the list.
[[nodiscard]] std::vector<Answer> ask(const std::vector<ServerAddress>& servers, std::string line);

/// Tells of each server that did not answer; Exit::unreachable when there was one.
[[nodiscard]] Exit report_failures(const std::vector<Answer>& answers, std::string_view command);

/// How much of `text` the whole answer to `line` is; nullopt while more is to come.
[[nodiscard]] std::optional<std::size_t> answer_bytes(std::string_view line, std::string_view text);

}  // namespace gman::cli
