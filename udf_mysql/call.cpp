// SPDX-License-Identifier: BSD-3-Clause
#include "udf_mysql/call.hpp"

#include <cstdio>
#include <string_view>

#include "client/blocking/poll_driver.hpp"
#include "udf_mysql/counters.hpp"
#include "udf_mysql/pool.hpp"
#include "udf_mysql/servers.hpp"
#include "udf_mysql/session/kill.hpp"
#include "udf_mysql/session/replica.hpp"
#include "udf_mysql/session/waiting.hpp"
#include "udf_mysql/settings.hpp"
#include "udf_mysql/sql_error.hpp"

namespace gman::udf {
namespace {

/// Waits for the end of the call that `started` told of; returns only when it ended well.
const gman_result_data& finish(gman_client* client, gman_status started) {
  const session::Waiting waiting;
  const gman_status status = drive(client, started, session::killed);
  if (status == GMAN_OK) return *gman_result(client);
  if (status == GMAN_CANCELLED) throw Killed{session::kill_error()};
  const gman_error_data& error = *gman_error_get(client);
  std::string message = error.message;
  const char* server = gman_result(client)->server;
  if (server != nullptr && message.find(server) == std::string::npos) {
    message += std::string(" (job server ") + server + ")";
  }
  if (*error.hint != '\0') message += std::string("; ") + error.hint;
  throw SqlError(message, status, server != nullptr ? server : "");
}

std::string text(const gman_bytes& bytes) {
  return {bytes.data, bytes.size};
}

}  // namespace

std::optional<std::string> run_job(const gman_job& asked) {
  const auto now = settings();
  if (!now->send_on_replica && session::is_replica()) {
    count(Counter::silenced);
    return std::nullopt;
  }
  gman_job job = asked;
  if (job.deadline_ms == 0) job.deadline_ms = now->deadline_ms;
  Lease lease(servers_for({job.function.data, job.function.size}, *now), *now);
  if (job.workload.size > remembered_bytes_max) lease.close_after_use();
  const gman_result_data& result = finish(lease.get(), gman_start_job(lease.get(), &job));
  count(job.background != 0 ? Counter::background_jobs : Counter::foreground_jobs);
  return text(job.background != 0 ? result.handle : result.data);
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
