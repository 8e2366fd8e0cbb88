// SPDX-License-Identifier: BSD-3-Clause
// Which session is calling us. Threads are no answer, since a server uses one thread for many
// sessions and a session may move between threads; CONNECTION_ID() is, and is never used again.
#pragma once

#include <cstdint>
#include <optional>

namespace gman::udf::session {

/// Nothing where the server does not tell.
[[nodiscard]] std::optional<std::uint64_t> id();

}  // namespace gman::udf::session
