// SPDX-License-Identifier: BSD-3-Clause
// Whether the session that is calling us repeats what another server has done: it applies a binary
// log as a replica. The other server's functions have sent the jobs already.
#pragma once

namespace gman::udf::session {

[[nodiscard]] bool is_replica();

}  // namespace gman::udf::session
