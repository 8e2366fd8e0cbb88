// SPDX-License-Identifier: BSD-3-Clause
// One call to a job server, from this thread, which waits for its end but obeys KILL.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <gman/gman.h>

namespace gman::udf {

/// What the functions tell the server of their results, which decides the type of the column.
inline constexpr unsigned result_bytes_max = GMAN_WORKLOAD_BYTES_MAX;
inline constexpr unsigned handle_bytes_max = 255;

/// The result of a foreground job, the handle of a background job. Nothing when this session
/// repeats, as a replica, what another server has done, and that server has sent the job. Throws
/// SqlError, or Killed.
[[nodiscard]] std::optional<std::string> run_job(const gman_job& job);

struct JobPart {
  std::string unique;
  std::string workload;
};

/// The results of foreground jobs that are run over all free workers at once, in the order of the
/// jobs. Nothing as for run_job(). Throws as it does; one failed job is the failure of all.
[[nodiscard]] std::optional<std::vector<std::string>> run_jobs(const std::string& function,
                                                               const std::vector<JobPart>& jobs);

/// As gearman-mysql-udf did: a worker that says nothing says NULL.
[[nodiscard]] inline std::optional<std::string> unless_empty(std::optional<std::string> result) {
  if (result && result->empty()) return std::nullopt;
  return result;
}

/// "127.0.0.1:4730 0.091 ms": the first server that answers, and the echo's way there and back.
[[nodiscard]] std::string ping();

}  // namespace gman::udf
