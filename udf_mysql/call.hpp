// SPDX-License-Identifier: BSD-3-Clause
// One call to a job server, from this thread, which waits for its end but obeys KILL.
#pragma once

#include <string>

#include <gman/gman.h>

namespace gman::udf {

/// The result of a foreground job, the handle of a background job. Throws SqlError, or Killed.
[[nodiscard]] std::string run_job(const gman_job& job);

/// "127.0.0.1:4730 0.091 ms": the first server that answers, and the echo's way there and back.
[[nodiscard]] std::string ping();

}  // namespace gman::udf
