// SPDX-License-Identifier: BSD-3-Clause
// Words to settings: of the command line, and of gearmand's own kind of configuration file.
//
// Which words belong together is decided here; what their values mean, in option.cpp.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "server/config/option.hpp"

namespace gman::config {

/// One line that says what is wrong.
struct Mistake {
  std::string text;
};

struct CommandLine {
  std::vector<Setting> settings;
  std::string config_file;  ///< empty: none
  bool check_config = false;
  bool check_args = false;
};

[[nodiscard]] std::variant<CommandLine, CommandLineEnd, Mistake> read_command_line(
    int argc, const char* const* argv);

/// The options that stand in a file of gearmand's; `path` is for mistakes.
[[nodiscard]] std::variant<std::vector<Setting>, Mistake> read_option_words(
    const std::vector<std::string>& words, const std::string& path);

}  // namespace gman::config
