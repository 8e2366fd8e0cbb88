// SPDX-License-Identifier: BSD-3-Clause
// Whether the session that is calling us was killed: KILL, KILL QUERY, a statement time limit, or
// the server's shutdown. None of them interrupts a wait, so every wait must ask.
#pragma once

namespace gman::udf::session {

[[nodiscard]] bool killed();

/// After killed(): the server's error for the way it was done (query interrupted, statement
/// timeout, …). 0 when there is none: a query that was ended at LIMIT ROWS EXAMINED, which is no
/// failure.
[[nodiscard]] unsigned kill_error();

}  // namespace gman::udf::session
