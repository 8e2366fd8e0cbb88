// SPDX-License-Identifier: BSD-3-Clause
#include "server/config/value.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>

namespace gman::config {
namespace {

constexpr double seconds_max = 86'400.0 * 365;
constexpr std::string_view units = "KMGT";

template <class Number, class... Base>
std::optional<Number> parse_number(std::string_view text, Base... base) {
  Number number{};
  const char* const last = text.data() + text.size();
  const auto [end, fault] = std::from_chars(text.data(), last, number, base...);
  if (fault != std::errc{} || end != last) return std::nullopt;
  return number;
}

// gearmand's level names; what the log has no level for is the nearest that says more.
struct VerbosityName {
  std::string_view name;
  LogLevel level;
};
constexpr std::array verbosity_names{
    VerbosityName{"fatal", LogLevel::error},    VerbosityName{"alert", LogLevel::error},
    VerbosityName{"critical", LogLevel::error}, VerbosityName{"error", LogLevel::error},
    VerbosityName{"warning", LogLevel::warn},   VerbosityName{"warn", LogLevel::warn},
    VerbosityName{"notice", LogLevel::info},    VerbosityName{"info", LogLevel::info},
    VerbosityName{"debug", LogLevel::debug},
};

}  // namespace

std::optional<std::int64_t> parse_integer(std::string_view text) {
  return parse_number<std::int64_t>(text);
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  unsigned shift = 0;
  if (!text.empty()) {
    const auto unit = units.find(static_cast<char>(std::toupper(text.back())));
    if (unit != std::string_view::npos) {
      shift = 10 * static_cast<unsigned>(unit + 1);
      text.remove_suffix(1);
    }
  }
  // So that TOML, whose numbers are signed, can say every amount.
  constexpr std::uint64_t bytes_max = std::numeric_limits<std::int64_t>::max();
  const auto count = parse_number<std::uint64_t>(text);
  if (!count || *count > bytes_max >> shift) return std::nullopt;
  return *count << shift;
}

std::optional<std::chrono::milliseconds> parse_seconds(std::string_view text) {
  const auto seconds = parse_number<double>(text);
  if (!seconds || !(*seconds >= 0 && *seconds <= seconds_max)) return std::nullopt;
  return std::chrono::milliseconds(std::llround(*seconds * 1000));
}

std::optional<bool> parse_boolean(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return std::nullopt;
}

std::optional<std::uint32_t> parse_mode(std::string_view text) {
  constexpr int octal = 8;
  const auto mode = parse_number<std::uint32_t>(text, octal);
  return mode && *mode <= 0777 ? mode : std::nullopt;
}

std::optional<LogLevel> parse_verbosity(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  const auto* const found = std::ranges::find(verbosity_names, lower, &VerbosityName::name);
  if (found == verbosity_names.end()) return std::nullopt;
  return found->level;
}

std::string toml_string(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04X", byte);
      quoted += escape.data();
      continue;
    }
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

std::string toml_boolean(bool value) {
  return value ? "true" : "false";
}

// In the largest unit that says it exactly.
std::string toml_bytes(std::uint64_t bytes) {
  if (bytes == 0) return "0";
  for (std::size_t unit = units.size(); unit > 0; --unit) {
    const std::uint64_t size = std::uint64_t{1} << (10 * unit);
    if (bytes % size == 0) return toml_string(std::to_string(bytes / size) + units[unit - 1]);
  }
  return std::to_string(bytes);
}

std::string toml_seconds(std::chrono::milliseconds length) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.12g", static_cast<double>(length.count()) / 1000);
  return text.data();
}

std::string toml_mode(std::uint32_t mode) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "\"%04o\"", mode);
  return text.data();
}

std::string_view verbosity_name(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return "DEBUG";
    case LogLevel::info: return "INFO";
    case LogLevel::warn: return "WARNING";
    case LogLevel::error: return "ERROR";
  }
  return "ERROR";
}

}  // namespace gman::config
