// SPDX-License-Identifier: BSD-3-Clause
#include "udf_mysql/call.hpp"

#include <cstddef>
#include <cstdio>
#include <string_view>

#include "udf_mysql/counters.hpp"
#include "udf_mysql/finish.hpp"
#include "udf_mysql/pool.hpp"
#include "udf_mysql/servers.hpp"
#include "udf_mysql/session/replica.hpp"
#include "udf_mysql/settings.hpp"
#include "udf_mysql/sql_error.hpp"

namespace gman::udf {
namespace {

std::string text(const gman_bytes& bytes) {
  return {bytes.data, bytes.size};
}

bool is_silent(const Settings& now) {
  if (now.send_on_replica || !session::is_replica()) return false;
  count(Counter::silenced);
  return true;
}

/// Throws SqlError, whose message says which of the rows it is about.
void expect_completed(const gman_job_outcome& outcome, std::size_t row, std::size_t rows,
                      const char* server) {
  if (outcome.status == GMAN_OK) return;
  std::string message = "row " + std::to_string(row) + " of " + std::to_string(rows) + ": ";
  message += outcome.message;
  if (*outcome.hint != '\0') message += std::string("; ") + outcome.hint;
  throw SqlError(message, outcome.status, server != nullptr ? server : "");
}

}  // namespace

std::optional<std::string> run_job(const gman_job& asked) {
  const auto now = settings();
  if (is_silent(*now)) return std::nullopt;
  gman_job job = asked;
  if (job.deadline_ms == 0) job.deadline_ms = now->deadline_ms;
  Lease lease(servers_for({job.function.data, job.function.size}, *now), *now);
  if (job.workload.size > remembered_bytes_max) lease.close_after_use();
  const gman_result_data& result = finish(lease.get(), gman_start_job(lease.get(), &job));
  count(job.background != 0 ? Counter::background_jobs : Counter::foreground_jobs);
  return text(job.background != 0 ? result.handle : result.data);
}

std::optional<std::vector<std::string>> run_jobs(const std::string& function,
                                                 const std::vector<JobPart>& jobs) {
  const auto now = settings();
  if (is_silent(*now)) return std::nullopt;
  std::vector<std::string> results;
  if (jobs.empty()) return results;
  gman_job common{};
  common.function = {function.data(), function.size()};
  common.deadline_ms = now->deadline_ms;
  std::vector<gman_job_part> parts;
  parts.reserve(jobs.size());
  for (const JobPart& job : jobs) {
    parts.push_back(
        {{job.unique.data(), job.unique.size()}, {job.workload.data(), job.workload.size()}});
  }
  Lease lease(servers_for(function, *now), *now);
  lease.close_after_use();  // it remembers all of the jobs and their results
  const gman_result_data& all =
      finish(lease.get(), gman_start_jobs(lease.get(), &common, parts.data(), parts.size()));
  std::size_t outcomes = 0;
  const gman_job_outcome* outcome = gman_job_outcomes(lease.get(), &outcomes);
  results.reserve(outcomes);
  for (std::size_t i = 0; i < outcomes; ++i) {
    expect_completed(outcome[i], i + 1, outcomes, all.server);
    count(Counter::foreground_jobs);
    results.push_back(text(outcome[i].data));
  }
  return results;
}

std::string ping() {
  const auto now = settings();
  Lease lease(servers_for({}, *now), *now);
  const gman_result_data& result = finish(lease.get(), gman_start_ping(lease.get()));
  char line[1024];
  std::snprintf(line, sizeof line, "%s %.3f ms", result.server, result.round_trip_ms);
  return line;
}

}  // namespace gman::udf
