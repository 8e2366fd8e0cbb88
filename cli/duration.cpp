// SPDX-License-Identifier: BSD-3-Clause
#include "cli/duration.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace gman::cli {

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  // Fits every place that a time goes to, some of which count milliseconds in 32 bits.
  using days = std::chrono::duration<double, std::ratio<86400>>;
  constexpr double longest_ms = std::chrono::duration<double, std::milli>(days(24)).count();

  double number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  const std::string_view unit(rest, static_cast<std::size_t>(text.data() + text.size() - rest));

  struct Unit {
    std::string_view name;
    double milliseconds;
  };
  constexpr std::array units{Unit{"ms", 1}, Unit{"s", 1e3}, Unit{"", 1e3}, Unit{"m", 60e3},
                             Unit{"h", 3600e3}};
  for (const Unit& known : units) {
    if (known.name != unit) continue;
    const double milliseconds = std::round(number * known.milliseconds);
    if (!(milliseconds >= 1 && milliseconds <= longest_ms)) return std::nullopt;
    return std::chrono::milliseconds(static_cast<std::int64_t>(milliseconds));
  }
  return std::nullopt;
}

}  // namespace gman::cli
