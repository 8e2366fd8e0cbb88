// SPDX-License-Identifier: BSD-3-Clause
// Questions about a job that was sent earlier. A handle does not say which server of the list gave
// it, and a unique may be anywhere: all of them are asked, until one knows the job.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gman::udf {

struct JobState {
  bool is_running = false;
  /// As its worker told it last; 0 of 0: it did not.
  std::uint32_t numerator = 0;
  std::uint32_t denominator = 0;
  /// The server that knows it.
  std::string server;
};

/// `name` is a handle or a unique; the servers are those of `function`. Nothing when no server
/// knows the job. Throws SqlError when none does and one did not answer, or when the deadline of
/// the settings, which holds for all of them together, has passed; and Killed.
[[nodiscard]] std::optional<JobState> job_state(std::string_view name, std::string_view function);

/// Whether a server knew the job, and has cancelled it. Throws as job_state() does.
[[nodiscard]] bool cancel_job(std::string_view handle, std::string_view function);

}  // namespace gman::udf
