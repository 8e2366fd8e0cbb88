// SPDX-License-Identifier: BSD-3-Clause
// Times as SQL writes them: decimal numbers of seconds, of which a job server takes milliseconds.
#pragma once

#include <cstdint>
#include <string_view>

namespace gman::udf {

/// Seconds since 1970 as text, "1767225600" or "1767225600.25": milliseconds, rounded up, since a
/// job is never to run before its time. At least 1, because 0 means "no time". Throws SqlError,
/// whose message begins with `what`, for anything else and beyond GMAN_RUN_AT_MS_MAX.
[[nodiscard]] std::int64_t epoch_ms(const char* what, std::string_view seconds);

/// So many seconds from now, in the same way.
[[nodiscard]] std::int64_t epoch_ms_after(const char* what, std::string_view seconds);

}  // namespace gman::udf
