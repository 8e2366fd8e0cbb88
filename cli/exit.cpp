// SPDX-License-Identifier: BSD-3-Clause
#include "cli/exit.hpp"

#include <string>

#include "cli/stream.hpp"

namespace gman::cli {

Exit fail(Exit code, std::string_view command, std::string_view message, std::string_view hint) {
  std::string line = "gman";
  if (!command.empty()) line.append(" ").append(command);
  line.append(": ").append(message);
  if (!hint.empty()) line.append("; ").append(hint);
  say(line);
  return code;
}

}  // namespace gman::cli
