// SPDX-License-Identifier: BSD-3-Clause
// What a client may ask of a job server, within which limits, and what comes of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
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
/// The answer to one admin command.
inline constexpr std::size_t admin_answer_bytes_max = 16u << 20;
/// An admin command, without its line end.
inline constexpr std::size_t admin_line_bytes_max = text_line_bytes_max - 1;
/// Jobs of one RunManyCall: what came of each is kept until all have ended.
inline constexpr std::size_t run_many_jobs_max = 10'000;
/// Unless the caller says otherwise, so many of them are at the server at a time.
inline constexpr std::size_t jobs_in_flight_default = 64;
inline constexpr std::size_t jobs_in_flight_max = 1'000;
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
/// Foreground jobs that have all but unique and workload in common, run at the same time over one
/// connection. Those with the same unique are one job.
struct RunManyCall {
  std::string_view function;
  std::span<const JobOfMany> jobs;
  Priority priority = Priority::normal;
};

/// Which server of the list is asked, by its index. nullopt: each in turn, until one answers.
using ServerAsked = std::optional<std::size_t>;

struct StatusCall {
  std::string_view handle;
  ServerAsked server{};
};
struct StatusUniqueCall {
  std::string_view unique;
  ServerAsked server{};
};
struct PingCall {
  ServerAsked server{};
};
struct AdminCall {
  std::string_view line;  ///< without its end
  ServerAsked server{};
};

using Call = std::variant<SubmitCall, StatusCall, PingCall, SubmitManyCall, RunManyCall,
                          StatusUniqueCall, AdminCall>;

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
  /// WORK_DATA, WORK_COMPLETE and WORK_WARNING bytes of one job, together. Of a RunManyCall those
  /// of all jobs, and their exceptions.
  std::size_t result_bytes_max = gman::result_bytes_max;
  std::size_t admin_answer_bytes_max = gman::admin_answer_bytes_max;
  std::size_t jobs_in_flight = jobs_in_flight_default;
};

/// What came of one of many jobs.
struct JobOutcome {
  std::string handle;                          ///< empty: not acknowledged
  std::string refusal;                         ///< the server's words; empty: not refused
  std::string data{}, warning{}, exception{};  ///< of RunManyCall
  /// Null: it has ended well. Jobs that share a fate share its words.
  std::shared_ptr<const Error> error{};
  bool is_sent = false;  ///< false: it certainly was not run
  /// It is the same job as this one, whose outcome counts.
  std::optional<std::uint32_t> same_as{};
};

struct CallResult {
  std::string handle, data, warning;
  std::string server;                            ///< the one that answered; empty when none did
  std::uint32_t numerator = 0, denominator = 0;  ///< of RunManyCall: jobs that have ended, and all
  bool known = false, running = false;
  double elapsed_ms = 0;
  double round_trip_ms = 0;
  std::uint32_t clients = 0;  ///< of StatusUniqueCall
  /// In order. Of SubmitManyCall as far as they were answered, of RunManyCall all, at the end.
  std::vector<JobOutcome> jobs;
};

/// Why the call must not be sent: the first rule that it breaks.
[[nodiscard]] std::optional<Error> fault_of(const Call& call, const CallLimits& limits);

}  // namespace gman
