// SPDX-License-Identifier: BSD-3-Clause
// Points in time as people write them on a command line: "2026-11-24 22:30",
// "2026-11-24T21:30:00Z",
// "@1764024000.5".
#pragma once

#include <gman/client.hpp>

#include <optional>
#include <string_view>

namespace gman::cli {

/// A date and a time of day, local unless it ends in Z or an offset such as +01:00; or @ and the
/// seconds since 1970 UTC. To the millisecond, from 1970 to 9999. nullopt for what is none.
[[nodiscard]] std::optional<JobTime> parse_moment(std::string_view text);

inline constexpr std::string_view moment_help =
    "a date and time, local or with its offset: 2026-11-24 22:30, 2026-11-24T21:30:00Z; or @ and "
    "the seconds since 1970";

inline constexpr std::string_view when_footer =
    "WHEN is local time or has its offset: '2026-11-24 22:30', 2026-11-24T21:30:00Z, @SECONDS.\n"
    "A time that has come means now. Unique modes, and times in the foreground or with a "
    "priority,\n"
    "need gmand: another server is named as one that cannot do it.\n";

}  // namespace gman::cli
