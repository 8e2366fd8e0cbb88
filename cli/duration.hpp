// SPDX-License-Identifier: BSD-3-Clause
// Times as people write them on a command line: "5", "2.5s", "300ms", "10m", "1h".
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace gman::cli {

/// Seconds unless a unit says otherwise. nullopt for what is no time, 0 or above 24 days.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

inline constexpr std::string_view duration_help = "seconds, or with a unit: 300ms, 2.5s, 10m, 1h";
inline constexpr std::string_view duration_footer =
    "TIME is in seconds, or with a unit: 300ms, 2.5s, 10m, 1h.\n";

}  // namespace gman::cli
