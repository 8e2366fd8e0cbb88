// SPDX-License-Identifier: BSD-3-Clause
#include "tests/unit/client/test_client.hpp"

#include <array>
#include <chrono>
#include <stdexcept>

namespace gman::test {
namespace {

constexpr std::chrono::seconds patience{30};

gman_bytes bytes(std::string_view text) {
  return {text.data(), text.size()};
}

std::string text(gman_bytes from) {
  return {from.data, from.size};
}

}  // namespace

gman_settings settings_for(const char* servers) {
  gman_settings settings;
  gman_settings_default(&settings);
  settings.servers = servers;
  return settings;
}

TestClient::TestClient(const std::string& servers) : TestClient(settings_for(servers.c_str())) {}

TestClient::TestClient(const gman_settings& settings) {
  std::array<char, 256> message{};
  client_.reset(gman_client_new(&settings, message.data(), message.size()));
  if (!client_) throw std::invalid_argument(message.data());
}

gman_status TestClient::start(const JobText& job, bool background) {
  const gman_job given{bytes(job.function), bytes(job.unique), bytes(job.workload), job.priority,
                       background ? 1 : 0,  job.deadline_ms,   job.unique_mode,     job.run_at_ms};
  return gman_start_job(client_.get(), &given);
}

Outcome TestClient::finish(gman_status started, const Interrupt& interrupted) {
  const auto until = std::chrono::steady_clock::now() + patience;
  const auto stop = [&] {
    return std::chrono::steady_clock::now() >= until || (interrupted && interrupted());
  };
  Outcome outcome;
  outcome.status = drive(client_.get(), started, stop);
  const gman_result_data& result = *gman_result(client_.get());
  const gman_error_data& error = *gman_error_get(client_.get());
  outcome.message = error.message;
  outcome.hint = error.hint;
  outcome.handle = text(result.handle);
  outcome.data = text(result.data);
  outcome.warning = text(result.warning);
  outcome.server = result.server != nullptr ? result.server : "";
  outcome.numbers = result;
  return outcome;
}

Outcome TestClient::background(const JobText& job) {
  return finish(start(job, true));
}

Outcome TestClient::foreground(const JobText& job) {
  return finish(start(job, false));
}

Outcome TestClient::status(std::string_view handle) {
  return finish(gman_start_status(client_.get(), bytes(handle)));
}

Outcome TestClient::ask(gman_query_kind kind, std::string_view text, std::size_t server) {
  const gman_query query{.kind = kind, .server = server, .text = bytes(text), .deadline_ms = 0};
  return finish(gman_start_query(client_.get(), &query));
}

Outcome TestClient::run(std::string_view function, const std::vector<std::string_view>& workloads,
                        int deadline_ms) {
  const gman_job common{.function = bytes(function), .deadline_ms = deadline_ms};
  std::vector<gman_job_part> parts;
  parts.reserve(workloads.size());
  for (const std::string_view workload : workloads) parts.push_back({{}, bytes(workload)});
  return finish(gman_start_jobs(client_.get(), &common, parts.data(), parts.size()));
}

std::vector<gman_job_outcome> TestClient::outcomes() {
  std::size_t count = 0;
  const gman_job_outcome* first = gman_job_outcomes(client_.get(), &count);
  return {first, first + count};
}

Outcome TestClient::ping() {
  return finish(gman_start_ping(client_.get()));
}

}  // namespace gman::test
