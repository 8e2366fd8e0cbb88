// SPDX-License-Identifier: BSD-3-Clause
// What a client may ask of a job server, within which limits, and what comes of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <gman/error.hpp>

#include "base/time.hpp"
#include "protocol/extended.hpp"
#include "protocol/limits.hpp"
#include "protocol/request.hpp"

namespace gman {

/// As long as one answer may be.
inline constexpr std::size_t result_bytes_max = body_bytes_max;
/// How much of a worker's exception or warning, or of an ERROR text, a message quotes.
inline constexpr std::size_t quoted_text_bytes_max = 512;
/// How much of a function's name a message quotes.
inline constexpr std::size_t quoted_name_bytes_max = 80;

struct SubmitCall {
  std::string_view function, unique, workload;
  Priority priority = Priority::normal;
  JobMode mode = JobMode::foreground;
  UniqueMode unique_mode = UniqueMode::alive;
  std::optional<std::int64_t> run_at_ms{};  ///< since 1970, UTC; nullopt: now
};
/// Background jobs that have all but unique and workload in common, each with an outcome of its
/// own.
struct SubmitManyCall {
  std::string_view function;
  std::span<const JobOfMany> jobs;
  Priority priority = Priority::normal;
  UniqueMode unique_mode = UniqueMode::alive;
  std::optional<std::int64_t> run_at_ms{};
};
struct StatusCall {
  std::string_view handle;
};
struct PingCall {};

using Call = std::variant<SubmitCall, StatusCall, PingCall, SubmitManyCall>;

/// A job as the packets have it.
[[nodiscard]] SubmitJob job_of(const SubmitCall& call);
/// What the jobs have in common.
[[nodiscard]] SubmitJob common_of(const SubmitManyCall& call);
/// What plain packets cannot say of the job, as "the unique mode until_start"; empty: nothing. A
/// run time that SUBMIT_JOB_EPOCH can say to the second counts as said.
[[nodiscard]] std::string beyond_plain(const SubmitJob& job);
/// Whether plain packets say exactly what is meant.
[[nodiscard]] bool is_plain(const SubmitJob& job);
/// The job as plain packets can say it, its time rounded up to the second.
/// Requires: beyond_plain(job) is empty.
[[nodiscard]] SubmitJob as_plain(SubmitJob job);

struct CallLimits {
  /// For each server: resolving, connecting and the first answer on a new connection.
  milliseconds connect_timeout{2000};
  /// From the last byte sent to the answer (a foreground job: to JOB_CREATED). 0: none.
  milliseconds answer_timeout{10000};
  /// For the whole call. 0: none.
  milliseconds deadline{0};
  std::size_t workload_bytes_max = gman::workload_bytes_max;
  /// WORK_DATA, WORK_COMPLETE and WORK_WARNING bytes of one job, together.
  std::size_t result_bytes_max = gman::result_bytes_max;
};

/// What came of one of many jobs: the server's handle, or its words of refusal.
struct JobOutcome {
  std::string handle, refusal;
};

struct CallResult {
  std::string handle, data, warning;
  std::string server;  ///< the one that answered; empty when none did
  std::uint32_t numerator = 0, denominator = 0;
  bool known = false, running = false;
  double elapsed_ms = 0;
  double round_trip_ms = 0;
  std::vector<JobOutcome> jobs;  ///< of SubmitManyCall, in order, as far as they were answered
};

/// Why the call must not be sent: the first rule that it breaks.
[[nodiscard]] std::optional<Error> fault_of(const Call& call, const CallLimits& limits);

}  // namespace gman
