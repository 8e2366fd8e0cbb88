// SPDX-License-Identifier: BSD-3-Clause
// How the values of options are written: numbers, amounts of bytes, seconds, names.
//
// Reading gives nullopt for what is none of them; printing gives TOML.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/log.hpp"

namespace gman::config {

[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view text);
/// "1000", "512M": K, M, G and T are powers of 1024.
[[nodiscard]] std::optional<std::uint64_t> parse_bytes(std::string_view text);
/// "10", "0.25"; from 0 to a year, to the millisecond.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_seconds(std::string_view text);
/// "true" or "false".
[[nodiscard]] std::optional<bool> parse_boolean(std::string_view text);
/// Permissions in octal, 0000 to 0777.
[[nodiscard]] std::optional<std::uint32_t> parse_mode(std::string_view text);
/// gearmand's names of levels, in any case.
[[nodiscard]] std::optional<LogLevel> parse_verbosity(std::string_view text);

[[nodiscard]] std::string toml_string(std::string_view text);
[[nodiscard]] std::string toml_boolean(bool value);
[[nodiscard]] std::string toml_bytes(std::uint64_t bytes);
[[nodiscard]] std::string toml_seconds(std::chrono::milliseconds length);
[[nodiscard]] std::string toml_mode(std::uint32_t mode);
[[nodiscard]] std::string_view verbosity_name(LogLevel level);

}  // namespace gman::config
