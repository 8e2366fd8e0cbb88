// SPDX-License-Identifier: BSD-3-Clause
// A configuration file: TOML whose keys are the long options, or gearmand's list of options.
//
// The two cannot be mistaken for each other: no option's name begins with a dash, and gearmand's
// file has nothing but options, so a file whose first word begins with one is gearmand's.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/config/command_line.hpp"

namespace gman::config {

/// A larger file is no configuration.
inline constexpr std::size_t file_bytes_max = 1u << 20;

[[nodiscard]] std::variant<std::vector<Setting>, Mistake> read_file(const std::string& path);

/// The same for text that is there already; `path` is for mistakes.
[[nodiscard]] std::variant<std::vector<Setting>, Mistake> read_text(std::string_view text,
                                                                    const std::string& path);

}  // namespace gman::config
