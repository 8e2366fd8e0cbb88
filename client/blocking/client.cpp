// SPDX-License-Identifier: BSD-3-Clause
#include <gman/gman.h>
#include <gman/client.hpp>

#include <algorithm>
#include <array>
#include <climits>
#include <stdexcept>
#include <utility>

#include "client/blocking/poll_driver.hpp"

namespace gman {
namespace {

std::int32_t ms_of(std::chrono::milliseconds time) {
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(time.count(), INT_MIN, INT_MAX));
}

gman_priority priority_of(JobPriority priority) {
  switch (priority) {
    case JobPriority::normal: return GMAN_PRIORITY_NORMAL;
    case JobPriority::high: return GMAN_PRIORITY_HIGH;
    case JobPriority::low: return GMAN_PRIORITY_LOW;
  }
  return GMAN_PRIORITY_NORMAL;
}

gman_unique_mode mode_of(JobUnique mode) {
  switch (mode) {
    case JobUnique::alive: return GMAN_UNIQUE_ALIVE;
    case JobUnique::until_start: return GMAN_UNIQUE_UNTIL_START;
  }
  return GMAN_UNIQUE_ALIVE;
}

/// gman.h takes 0 for "now", as 1970 is.
std::int64_t ms_since_1970(const std::optional<JobTime>& time) {
  return time ? time->time_since_epoch().count() : 0;
}

std::string text_of(gman_bytes bytes) {
  return {bytes.data, bytes.size};
}

gman_bytes bytes_of(std::string_view text) {
  return {text.data(), text.size()};
}

struct FreeClient {
  void operator()(gman_client* client) const { gman_client_free(client); }
};

}  // namespace

struct Client::Impl {
  std::unique_ptr<gman_client, FreeClient> client;
  std::function<bool()> interrupted;
  std::function<void(std::uint32_t, std::uint32_t)> progress;

  /// What is asked between two waits for a job: a question that also brings news.
  std::function<bool()> between_waits() const {
    if (!progress) return interrupted;
    return [this] {
      const gman_result_data& result = *gman_result(client.get());
      if (result.denominator > 0) progress(result.numerator, result.denominator);
      return interrupted && interrupted();
    };
  }

  Error error() const {
    const gman_error_data& error = *gman_error_get(client.get());
    return {static_cast<client_errc>(error.status), error.message, error.hint};
  }
};

Client::Client(const ClientSettings& settings) : impl_(std::make_unique<Impl>()) {
  gman_settings given;
  gman_settings_default(&given);
  given.servers = settings.servers.c_str();
  given.connect_timeout_ms = ms_of(settings.connect_timeout);
  given.deadline_ms = ms_of(settings.deadline);
  given.answer_timeout_ms = ms_of(settings.answer_timeout);
  given.retry_after_ms = ms_of(settings.retry_after);
  std::array<char, 512> reason{};
  impl_->client.reset(gman_client_new(&given, reason.data(), reason.size()));
  if (!impl_->client) throw std::invalid_argument(reason.data());
}

Client::~Client() = default;

void Client::set_interrupt(std::function<bool()> interrupted) {
  impl_->interrupted = std::move(interrupted);
}

void Client::set_progress(
    std::function<void(std::uint32_t numerator, std::uint32_t denominator)> told) {
  impl_->progress = std::move(told);
}

std::variant<JobAnswer, Error> Client::run(const JobRequest& job) {
  gman_client* client = impl_->client.get();
  const gman_job given{.function = bytes_of(job.function),
                       .unique = bytes_of(job.unique),
                       .workload = bytes_of(job.workload),
                       .priority = priority_of(job.priority),
                       .background = job.background ? 1 : 0,
                       .deadline_ms = 0,
                       .unique_mode = mode_of(job.unique_mode),
                       .run_at_ms = ms_since_1970(job.run_at)};
  if (drive(client, gman_start_job(client, &given), impl_->between_waits()) != GMAN_OK) {
    return impl_->error();
  }
  const gman_result_data& result = *gman_result(client);
  return JobAnswer{text_of(result.handle), text_of(result.data), text_of(result.warning),
                   result.server};
}

JobsAnswer Client::submit(const JobsRequest& jobs) {
  gman_client* client = impl_->client.get();
  const gman_job common{.function = bytes_of(jobs.function),
                        .unique = {},
                        .workload = {},
                        .priority = priority_of(jobs.priority),
                        .background = 1,
                        .deadline_ms = 0,
                        .unique_mode = mode_of(jobs.unique_mode),
                        .run_at_ms = ms_since_1970(jobs.run_at)};
  std::vector<gman_job_part> parts;
  parts.reserve(jobs.parts.size());
  for (const auto& part : jobs.parts) {
    parts.push_back({bytes_of(part.unique), bytes_of(part.workload)});
  }
  const gman_status ended = drive(
      client, gman_start_jobs(client, &common, parts.data(), parts.size()), impl_->interrupted);
  JobsAnswer answer;
  if (ended != GMAN_OK) answer.error = impl_->error();
  std::size_t count = 0;
  const gman_job_outcome* outcomes = gman_job_outcomes(client, &count);
  for (std::size_t i = 0; i < count; ++i) {
    answer.outcomes.push_back({text_of(outcomes[i].handle), text_of(outcomes[i].refusal)});
  }
  const char* server = gman_result(client)->server;
  answer.server = server != nullptr ? server : "";
  return answer;
}

std::variant<PingAnswer, Error> Client::ping() {
  gman_client* client = impl_->client.get();
  if (drive(client, gman_start_ping(client), impl_->interrupted) != GMAN_OK) {
    return impl_->error();
  }
  const gman_result_data& result = *gman_result(client);
  return PingAnswer{result.server, result.round_trip_ms};
}

}  // namespace gman
