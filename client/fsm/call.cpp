// SPDX-License-Identifier: BSD-3-Clause
#include "client/fsm/call.hpp"

namespace gman {
namespace {

// Empty: no fault.
std::string above_limit(std::string_view what, std::size_t bytes, std::size_t bytes_max) {
  if (bytes <= bytes_max) return {};
  return std::string(what) + " of " + std::to_string(bytes) + " bytes is above the limit of " +
         std::to_string(bytes_max) + " bytes";
}

// A NUL would end the argument early and shift all that follow.
std::string holds_nul(std::string_view what, std::string_view text) {
  const std::size_t at = text.find('\0');
  if (at == std::string_view::npos) return {};
  return std::string(what) + " contains a NUL byte, at offset " + std::to_string(at);
}

std::string beyond_time(const std::optional<std::int64_t>& run_at_ms) {
  if (!run_at_ms || (*run_at_ms >= 0 && *run_at_ms <= run_at_ms_max)) return {};
  return "run time of " + std::to_string(*run_at_ms) + " ms since 1970 is not between 0 and " +
         std::to_string(run_at_ms_max);
}

// A function, options and the heads of the jobs fit beside as much.
constexpr std::size_t jobs_bytes_max = workload_bytes_max;
static_assert(jobs_bytes_max + function_bytes_max + submit_options_bytes_max +
                  submit_many_jobs_max * (5 + 1) <=
              body_bytes_max);

// Checked in this order, so that a call with two faults has one right answer.
struct Faults {
  const CallLimits& limits;

  std::string operator()(const SubmitCall& call) const {
    if (call.function.empty()) return "function name is empty";
    std::string fault = above_limit("function name", call.function.size(), function_bytes_max);
    if (fault.empty()) fault = holds_nul("function name", call.function);
    if (fault.empty()) fault = above_limit("unique key", call.unique.size(), unique_bytes_max);
    if (fault.empty()) fault = holds_nul("unique key", call.unique);
    if (fault.empty()) {
      fault = above_limit("workload", call.workload.size(), limits.workload_bytes_max);
    }
    if (fault.empty()) fault = beyond_time(call.run_at_ms);
    return fault;
  }
  std::string operator()(const SubmitManyCall& call) const {
    return of_jobs({.function = call.function, .run_at_ms = call.run_at_ms}, call.jobs,
                   submit_many_jobs_max);
  }
  std::string operator()(const RunManyCall& call) const {
    return of_jobs({.function = call.function}, call.jobs, run_many_jobs_max);
  }
  std::string operator()(const StatusCall& call) const {
    if (call.handle.empty()) return "job handle is empty";
    std::string fault = above_limit("job handle", call.handle.size(), handle_bytes_max);
    if (fault.empty()) fault = holds_nul("job handle", call.handle);
    return fault;
  }
  std::string operator()(const StatusUniqueCall& call) const {
    if (call.unique.empty()) return "unique key is empty";
    std::string fault = above_limit("unique key", call.unique.size(), unique_bytes_max);
    if (fault.empty()) fault = holds_nul("unique key", call.unique);
    return fault;
  }
  std::string operator()(const PingCall&) const { return {}; }
  std::string operator()(const AdminCall& call) const {
    if (call.line.find_first_not_of(' ') == std::string_view::npos) return "command is empty";
    std::string fault = above_limit("command", call.line.size(), admin_line_bytes_max);
    if (fault.empty()) fault = holds_nul("command", call.line);
    if (fault.empty() && call.line.find_first_of("\r\n") != std::string_view::npos) {
      fault = "command has more than one line";
    }
    return fault;
  }

  // `job` is what they have in common.
  [[nodiscard]] std::string of_jobs(SubmitCall job, std::span<const JobOfMany> jobs,
                                    std::size_t jobs_max) const {
    if (jobs.empty()) return "there is no job";
    if (jobs.size() > jobs_max) {
      return std::to_string(jobs.size()) + " jobs at once are above the limit of " +
             std::to_string(jobs_max);
    }
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      job.unique = jobs[i].unique;
      job.workload = jobs[i].workload;
      const std::string fault = (*this)(job);
      if (!fault.empty()) return "job " + std::to_string(i + 1) + ": " + fault;
      bytes += job.unique.size() + job.workload.size();
    }
    return above_limit("all uniques and workloads together", bytes, jobs_bytes_max);
  }
};

}  // namespace

SubmitJob job_of(const SubmitCall& call) {
  return {.function = call.function,
          .unique = call.unique,
          .workload = call.workload,
          .priority = call.priority,
          .mode = call.mode,
          .run_at_epoch_ms = call.run_at_ms,
          .unique_mode = call.unique_mode};
}

SubmitJob common_of(const SubmitManyCall& call) {
  return {.function = call.function,
          .priority = call.priority,
          .mode = JobMode::background,
          .run_at_epoch_ms = call.run_at_ms,
          .unique_mode = call.unique_mode};
}

std::string beyond_plain(const SubmitJob& job) {
  if (job.unique_mode == UniqueMode::until_start && !job.unique.empty()) {
    return "the unique mode until_start";
  }
  if (!job.run_at_epoch_ms) return {};
  if (job.mode == JobMode::foreground) return "a run time in the foreground";
  return job.priority == Priority::normal ? "" : "a run time and a priority";
}

bool is_plain(const SubmitJob& job) {
  return beyond_plain(job).empty() && job.run_at_epoch_ms.value_or(0) % 1000 == 0;
}

SubmitJob as_plain(SubmitJob job) {
  job.unique_mode = UniqueMode::alive;
  if (job.run_at_epoch_ms) job.run_at_epoch_seconds = (*job.run_at_epoch_ms + 999) / 1000;
  job.run_at_epoch_ms.reset();
  return job;
}

std::optional<Error> fault_of(const Call& call, const CallLimits& limits) {
  std::string fault = std::visit(Faults{limits}, call);
  if (fault.empty()) return std::nullopt;
  return Error{client_errc::invalid_argument, std::move(fault), {}};
}

}  // namespace gman
