// SPDX-License-Identifier: BSD-3-Clause
// gman.h over StepClient: C in, C out, and no exception ever crosses.
#include <gman/gman.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <climits>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "client/blocking/step_client.hpp"
#include "client/fsm/server_list.hpp"
#include "protocol/limits.hpp"

namespace gman {
namespace {

static_assert(GMAN_FUNCTION_BYTES_MAX == function_bytes_max);
static_assert(GMAN_UNIQUE_BYTES_MAX == unique_bytes_max);
static_assert(GMAN_WORKLOAD_BYTES_MAX == workload_bytes_max);
static_assert(GMAN_JOBS_MAX == submit_many_jobs_max);
static_assert(GMAN_FOREGROUND_JOBS_MAX == run_many_jobs_max);
static_assert(GMAN_JOBS_IN_FLIGHT == jobs_in_flight_default);
static_assert(GMAN_JOBS_IN_FLIGHT_MAX == jobs_in_flight_max);
static_assert(GMAN_RESULT_BYTES_MAX == result_bytes_max);
static_assert(GMAN_ADMIN_LINE_BYTES_MAX == admin_line_bytes_max);
static_assert(GMAN_ADMIN_ANSWER_BYTES_MAX == admin_answer_bytes_max);
static_assert(GMAN_RUN_AT_MS_MAX == run_at_ms_max);
static_assert(GMAN_INVALID_ARGUMENT == static_cast<int>(client_errc::invalid_argument));
static_assert(GMAN_INTERNAL_ERROR == static_cast<int>(client_errc::internal_error));

/// What a C string of settings means, checked.
struct Settings {
  std::vector<ServerAddress> servers;
  CallLimits limits;
  milliseconds retry_after{};
};

using CheckedSettings = std::variant<Settings, std::string>;  // or the reason

CheckedSettings check(const gman_settings& settings) {
  auto parsed = parse_server_list(settings.servers != nullptr ? settings.servers : "");
  if (auto* error = std::get_if<ServerListError>(&parsed)) return std::move(error->message);

  if (settings.connect_timeout_ms <= 0) return "connect_timeout_ms must be at least 1";
  if (settings.deadline_ms < 0) return "deadline_ms must not be negative";
  if (settings.answer_timeout_ms < 0) return "answer_timeout_ms must not be negative";
  if (settings.retry_after_ms < 0) return "retry_after_ms must not be negative";
  if (settings.workload_bytes_max > workload_bytes_max) {
    return "workload_bytes_max of " + std::to_string(settings.workload_bytes_max) +
           " is above the limit of " + std::to_string(workload_bytes_max);
  }
  if (settings.jobs_in_flight > jobs_in_flight_max) {
    return "jobs_in_flight of " + std::to_string(settings.jobs_in_flight) +
           " is above the limit of " + std::to_string(jobs_in_flight_max);
  }
  const std::size_t in_flight =
      settings.jobs_in_flight == 0 ? jobs_in_flight_default : settings.jobs_in_flight;
  return Settings{std::get<std::vector<ServerAddress>>(std::move(parsed)),
                  CallLimits{.connect_timeout = milliseconds{settings.connect_timeout_ms},
                             .answer_timeout = milliseconds{settings.answer_timeout_ms},
                             .deadline = milliseconds{settings.deadline_ms},
                             .workload_bytes_max = settings.workload_bytes_max,
                             .jobs_in_flight = in_flight},
                  milliseconds{settings.retry_after_ms}};
}

/// Cuts what does not fit, between characters.
void copy_message(std::string_view text, char* message, std::size_t message_bytes) {
  if (message == nullptr || message_bytes == 0) return;
  std::size_t bytes = std::min(text.size(), message_bytes - 1);
  const auto is_inside = [&](std::size_t at) { return (text[at] & 0xc0) == 0x80; };
  while (bytes > 0 && bytes < text.size() && is_inside(bytes)) --bytes;
  std::memcpy(message, text.data(), bytes);
  message[bytes] = '\0';
}

/// Nothing of a job may be missing, and every choice is one of those that there are.
struct JobSettings {
  Priority priority{};
  UniqueMode unique_mode{};
  std::optional<std::int64_t> run_at_ms;
};
using CheckedJob = std::variant<JobSettings, std::string_view>;  // or the reason

CheckedJob check(const gman_job& job) {
  if (job.deadline_ms < 0) return "deadline_ms must not be negative";
  JobSettings checked;
  switch (job.priority) {
    case GMAN_PRIORITY_NORMAL: checked.priority = Priority::normal; break;
    case GMAN_PRIORITY_HIGH: checked.priority = Priority::high; break;
    case GMAN_PRIORITY_LOW: checked.priority = Priority::low; break;
    default: return "priority is none of GMAN_PRIORITY_NORMAL, _HIGH and _LOW";
  }
  switch (job.unique_mode) {
    case GMAN_UNIQUE_ALIVE: checked.unique_mode = UniqueMode::alive; break;
    case GMAN_UNIQUE_UNTIL_START: checked.unique_mode = UniqueMode::until_start; break;
    default: return "unique_mode is neither GMAN_UNIQUE_ALIVE nor GMAN_UNIQUE_UNTIL_START";
  }
  if (job.run_at_ms != 0) checked.run_at_ms = job.run_at_ms;
  return checked;
}

gman_bytes bytes_of(const std::string& text) {
  return {text.data(), text.size()};
}

std::string_view view_of(gman_bytes bytes) {
  return bytes.size == 0 ? std::string_view{} : std::string_view{bytes.data, bytes.size};
}

bool is_missing(gman_bytes bytes) {
  return bytes.data == nullptr && bytes.size != 0;
}

gman_job_outcome as_c(const JobOutcome& job) {
  gman_job_outcome outcome{.handle = bytes_of(job.handle),
                           .refusal = bytes_of(job.refusal),
                           .status = GMAN_OK,
                           .sent = job.is_sent ? 1 : 0,
                           .data = bytes_of(job.data),
                           .warning = bytes_of(job.warning),
                           .exception = bytes_of(job.exception),
                           .message = "",
                           .hint = ""};
  if (job.error) {
    outcome.status = static_cast<gman_status>(job.error->code);
    outcome.message = job.error->message.c_str();
    outcome.hint = job.error->hint.c_str();
  }
  return outcome;
}

constexpr gman_result_data no_result{
    .handle = {"", 0}, .data = {"", 0}, .warning = {"", 0}, .server = nullptr};
constexpr gman_error_data no_error{GMAN_OK, "", ""};

}  // namespace
}  // namespace gman

struct gman_client {
  gman::StepClient steps;
  gman::CallLimits limits;
  gman_result_data result = gman::no_result;
  gman_error_data error = gman::no_error;
  std::vector<gman_job_outcome> outcomes;
  std::array<char, 512> own_message{};  // of errors that no call tells

  void apply(gman::Settings settings) {
    steps.configure(std::move(settings.servers), settings.retry_after);
    limits = settings.limits;
  }

  /// An error of this file. Allocates nothing, since memory may be what is missing.
  gman_status fail(gman_status status, std::string_view message) {
    gman::copy_message(message, own_message.data(), own_message.size());
    error = {status, own_message.data(), ""};
    return status;
  }

  /// Of a call that breaks a rule.
  gman_status refuse(std::string_view why) {
    forget_last_call();
    return fail(GMAN_INVALID_ARGUMENT, why);
  }

  void forget_last_call() {
    result = gman::no_result;
    error = gman::no_error;
    outcomes.clear();
  }

  /// After a step: GMAN_AGAIN, or how the call ended.
  gman_status status_of(bool has_ended) {
    const gman::CallFsm& call = *steps.call();
    const gman::CallResult& known = call.result();
    if (!has_ended) {
      result.numerator = known.numerator;
      result.denominator = known.denominator;
      return GMAN_AGAIN;
    }
    result = {.handle = gman::bytes_of(known.handle),
              .data = gman::bytes_of(known.data),
              .warning = gman::bytes_of(known.warning),
              .server = known.server.empty() ? nullptr : known.server.c_str(),
              .numerator = known.numerator,
              .denominator = known.denominator,
              .known = known.known ? 1 : 0,
              .running = known.running ? 1 : 0,
              .elapsed_ms = known.elapsed_ms,
              .round_trip_ms = known.round_trip_ms,
              .clients = known.clients};
    outcomes.reserve(known.jobs.size());
    for (const gman::JobOutcome& job : known.jobs) {
      outcomes.push_back(gman::as_c(job.same_as ? known.jobs[*job.same_as] : job));
    }
    if (!call.error()) {
      error = gman::no_error;
    } else {
      error = {static_cast<gman_status>(call.error()->code), call.error()->message.c_str(),
               call.error()->hint.c_str()};
    }
    return error.status;
  }

  gman_status start(const gman::Call& call, const gman::CallLimits& call_limits) {
    forget_last_call();
    return status_of(steps.start(call, call_limits));
  }

  /// Runs `body`, which returns a status, and turns whatever it throws into one.
  template <class Body>
  gman_status guarded(const Body& body) noexcept {
    try {
      return body();
    } catch (const std::bad_alloc&) {
      steps.abandon();
      return fail(GMAN_OUT_OF_MEMORY, "out of memory in the job client");
    } catch (const std::exception& fault) {
      steps.abandon();
      return fail(GMAN_INTERNAL_ERROR, fault.what());
    } catch (...) {
      steps.abandon();
      return fail(GMAN_INTERNAL_ERROR, "unknown exception in the job client");
    }
  }

  /// The same for what starts something: refused while a call runs.
  template <class Body>
  gman_status guarded_start(const Body& body) noexcept {
    if (steps.is_running()) return fail(GMAN_INTERNAL_ERROR, "a call of this client is running");
    return guarded(body);
  }
};

namespace gman {
namespace {

using CheckedCall = std::variant<SubmitCall, std::string_view>;  // or the reason

CheckedCall submit_call_of(const gman_job& job) {
  if (is_missing(job.function)) return "function name is NULL with a size";
  if (is_missing(job.unique)) return "unique key is NULL with a size";
  if (is_missing(job.workload)) return "workload is NULL with a size";
  const auto checked = check(job);
  if (const auto* why = std::get_if<std::string_view>(&checked)) return *why;
  const auto& settings = std::get<JobSettings>(checked);
  return SubmitCall{.function = view_of(job.function),
                    .unique = view_of(job.unique),
                    .workload = view_of(job.workload),
                    .priority = settings.priority,
                    .mode = job.background != 0 ? JobMode::background : JobMode::foreground,
                    .unique_mode = settings.unique_mode,
                    .run_at_ms = settings.run_at_ms};
}

gman_status start_job(gman_client& client, const gman_job& job) {
  const auto checked = submit_call_of(job);
  if (const auto* why = std::get_if<std::string_view>(&checked)) return client.refuse(*why);
  CallLimits limits = client.limits;
  if (job.deadline_ms > 0) limits.deadline = milliseconds{job.deadline_ms};
  return client.start(std::get<SubmitCall>(checked), limits);
}

gman_status check_job(gman_client& client, const gman_job& job) {
  client.forget_last_call();
  const auto checked = submit_call_of(job);
  if (const auto* why = std::get_if<std::string_view>(&checked)) return client.refuse(*why);
  const auto fault = fault_of(std::get<SubmitCall>(checked), client.limits);
  return fault ? client.refuse(fault->message) : GMAN_OK;
}

gman_status start_jobs(gman_client& client, const gman_job& common,
                       std::span<const gman_job_part> parts) {
  if (is_missing(common.function)) return client.refuse("function name is NULL with a size");
  if (common.unique.size != 0 || common.workload.size != 0) {
    return client.refuse("unique and workload belong to the parts of many jobs");
  }
  const auto checked = check(common);
  if (const auto* why = std::get_if<std::string_view>(&checked)) return client.refuse(*why);
  const auto& settings = std::get<JobSettings>(checked);
  const bool is_foreground = common.background == 0;
  if (is_foreground && settings.unique_mode != UniqueMode::alive) {
    return client.refuse("many foreground jobs have the unique mode GMAN_UNIQUE_ALIVE");
  }
  if (is_foreground && settings.run_at_ms) return client.refuse("many foreground jobs are run now");

  std::vector<JobOfMany> jobs;
  jobs.reserve(parts.size());
  for (const gman_job_part& part : parts) {
    if (is_missing(part.unique)) return client.refuse("unique key is NULL with a size");
    if (is_missing(part.workload)) return client.refuse("workload is NULL with a size");
    jobs.push_back({view_of(part.unique), view_of(part.workload)});
  }
  CallLimits limits = client.limits;
  if (common.deadline_ms > 0) limits.deadline = milliseconds{common.deadline_ms};
  if (is_foreground) {
    return client.start(
        RunManyCall{
            .function = view_of(common.function), .jobs = jobs, .priority = settings.priority},
        limits);
  }
  return client.start(SubmitManyCall{.function = view_of(common.function),
                                     .jobs = jobs,
                                     .priority = settings.priority,
                                     .unique_mode = settings.unique_mode,
                                     .run_at_ms = settings.run_at_ms},
                      limits);
}

/// What one server may take is no longer than this.
void bound(CallLimits& limits, milliseconds each) {
  limits.connect_timeout = std::min(limits.connect_timeout, each);
  const bool is_endless = limits.answer_timeout.count() == 0;
  limits.answer_timeout = is_endless ? each : std::min(limits.answer_timeout, each);
}

gman_status start_query(gman_client& client, const gman_query& query) {
  if (is_missing(query.text)) return client.refuse("text is NULL with a size");
  if (query.deadline_ms < 0) return client.refuse("deadline_ms must not be negative");
  if (query.server_timeout_ms < 0) return client.refuse("server_timeout_ms must not be negative");
  const std::string_view text = view_of(query.text);
  const ServerAsked server = query.server == 0 ? ServerAsked{} : query.server - 1;
  CallLimits limits = client.limits;
  if (query.deadline_ms > 0) limits.deadline = milliseconds{query.deadline_ms};
  if (query.server_timeout_ms > 0) bound(limits, milliseconds{query.server_timeout_ms});
  switch (query.kind) {
    case GMAN_QUERY_PING:
      if (!text.empty()) return client.refuse("a ping has no text");
      return client.start(PingCall{server}, limits);
    case GMAN_QUERY_STATUS: return client.start(StatusCall{text, server}, limits);
    case GMAN_QUERY_STATUS_UNIQUE: return client.start(StatusUniqueCall{text, server}, limits);
    case GMAN_QUERY_ADMIN: return client.start(AdminCall{text, server}, limits);
    default: return client.refuse("kind is none of gman_query_kind");
  }
}

}  // namespace
}  // namespace gman

extern "C" {

const char* gman_library_version(void) {
  return GMAN_VERSION;
}

const char* gman_status_name(gman_status status) {
  switch (status) {
    case GMAN_OK: return "GMAN_OK";
    case GMAN_AGAIN: return "GMAN_AGAIN";
    case GMAN_INVALID_ARGUMENT: return "GMAN_INVALID_ARGUMENT";
    case GMAN_NO_SERVERS: return "GMAN_NO_SERVERS";
    case GMAN_UNREACHABLE: return "GMAN_UNREACHABLE";
    case GMAN_CONNECTION_LOST: return "GMAN_CONNECTION_LOST";
    case GMAN_PROTOCOL_ERROR: return "GMAN_PROTOCOL_ERROR";
    case GMAN_SERVER_ERROR: return "GMAN_SERVER_ERROR";
    case GMAN_JOB_FAILED: return "GMAN_JOB_FAILED";
    case GMAN_JOB_EXCEPTION: return "GMAN_JOB_EXCEPTION";
    case GMAN_DEADLINE: return "GMAN_DEADLINE";
    case GMAN_CANCELLED: return "GMAN_CANCELLED";
    case GMAN_OUT_OF_MEMORY: return "GMAN_OUT_OF_MEMORY";
    case GMAN_INTERNAL_ERROR: return "GMAN_INTERNAL_ERROR";
  }
  return "unknown gman_status";
}

void gman_settings_default(gman_settings* settings) {
  *settings = {.servers = nullptr,
               .connect_timeout_ms = 2000,
               .deadline_ms = 0,
               .answer_timeout_ms = 10000,
               .retry_after_ms = 5000,
               .workload_bytes_max = GMAN_WORKLOAD_BYTES_MAX,
               .jobs_in_flight = GMAN_JOBS_IN_FLIGHT};
}

gman_status gman_servers_check(const char* servers, char* message, size_t message_bytes) {
  try {
    const auto parsed = gman::parse_server_list(servers != nullptr ? servers : "");
    const auto* error = std::get_if<gman::ServerListError>(&parsed);
    gman::copy_message(error != nullptr ? error->message : "", message, message_bytes);
    return error != nullptr ? GMAN_INVALID_ARGUMENT : GMAN_OK;
  } catch (const std::exception& fault) {
    gman::copy_message(fault.what(), message, message_bytes);
    return GMAN_OUT_OF_MEMORY;
  }
}

gman_status gman_servers_within(const char* servers, const char* allowed, char* message,
                                size_t message_bytes) {
  try {
    const auto stranger = gman::first_not_within(servers != nullptr ? servers : "",
                                                 allowed != nullptr ? allowed : "");
    gman::copy_message(stranger.value_or(""), message, message_bytes);
    return stranger ? GMAN_INVALID_ARGUMENT : GMAN_OK;
  } catch (const std::exception& fault) {
    gman::copy_message(fault.what(), message, message_bytes);
    return GMAN_OUT_OF_MEMORY;
  }
}

gman_client* gman_client_new(const gman_settings* settings, char* message, size_t message_bytes) {
  try {
    gman::copy_message("", message, message_bytes);
    auto checked = gman::check(*settings);
    if (const auto* reason = std::get_if<std::string>(&checked)) {
      gman::copy_message(*reason, message, message_bytes);
      return nullptr;
    }
    auto client = std::make_unique<gman_client>();
    client->apply(std::get<gman::Settings>(std::move(checked)));
    return client.release();
  } catch (const std::bad_alloc&) {
    gman::copy_message("out of memory", message, message_bytes);
  } catch (const std::exception& fault) {
    gman::copy_message(fault.what(), message, message_bytes);
  }
  return nullptr;
}

void gman_client_free(gman_client* client) {
  delete client;
}

gman_status gman_client_configure(gman_client* client, const gman_settings* settings) {
  return client->guarded_start([&]() -> gman_status {
    client->forget_last_call();
    auto checked = gman::check(*settings);
    if (const auto* reason = std::get_if<std::string>(&checked)) {
      return client->fail(GMAN_INVALID_ARGUMENT, *reason);
    }
    client->apply(std::get<gman::Settings>(std::move(checked)));
    return GMAN_OK;
  });
}

gman_status gman_job_check(gman_client* client, const gman_job* job) {
  return client->guarded_start([&] { return gman::check_job(*client, *job); });
}

gman_status gman_start_job(gman_client* client, const gman_job* job) {
  return client->guarded_start([&] { return gman::start_job(*client, *job); });
}

gman_status gman_start_jobs(gman_client* client, const gman_job* common, const gman_job_part* parts,
                            size_t count) {
  return client->guarded_start([&] { return gman::start_jobs(*client, *common, {parts, count}); });
}

gman_status gman_start_status(gman_client* client, gman_bytes handle) {
  const gman_query query{.kind = GMAN_QUERY_STATUS, .text = handle};
  return gman_start_query(client, &query);
}

gman_status gman_start_ping(gman_client* client) {
  const gman_query query{.kind = GMAN_QUERY_PING};
  return gman_start_query(client, &query);
}

gman_status gman_start_query(gman_client* client, const gman_query* query) {
  return client->guarded_start([&] { return gman::start_query(*client, *query); });
}

int gman_fd(const gman_client* client) {
  return client->steps.fd();
}

int gman_timeout_ms(const gman_client* client) {
  const auto due = client->steps.wake_at();
  if (!due) return -1;
  const auto left = *due - std::chrono::steady_clock::now();
  const auto ms = std::chrono::ceil<gman::milliseconds>(left).count();
  return static_cast<int>(std::clamp<decltype(ms)>(ms, 0, INT_MAX));
}

gman_status gman_step(gman_client* client) {
  return client->guarded([&] {
    if (!client->steps.is_running()) return client->error.status;  // how the last call ended
    return client->status_of(client->steps.step());
  });
}

const gman_result_data* gman_result(const gman_client* client) {
  return &client->result;
}

const gman_job_outcome* gman_job_outcomes(const gman_client* client, size_t* count) {
  *count = client->outcomes.size();
  return client->outcomes.empty() ? nullptr : client->outcomes.data();
}

const gman_error_data* gman_error_get(const gman_client* client) {
  return &client->error;
}

void gman_cancel_call(gman_client* client) {
  client->guarded([&]() -> gman_status {
    if (!client->steps.is_running()) return client->error.status;
    client->steps.cancel();
    return client->status_of(true);
  });
}

size_t gman_server_count(const gman_client* client) {
  return client->steps.servers();
}

gman_status gman_server_get(const gman_client* client, size_t server, gman_server_data* data) {
  if (server == 0 || server > client->steps.servers()) {
    *data = {.name = "", .connected = 0, .cooling_off_ms = 0, .last_error = ""};
    return GMAN_INVALID_ARGUMENT;
  }
  const gman::ServerKnown known = client->steps.known_of(server - 1);
  *data = {.name = known.name.c_str(),
           .connected = known.is_connected ? 1 : 0,
           .cooling_off_ms = static_cast<int32_t>(known.left_alone_for.count()),
           .last_error = known.last_error != nullptr ? known.last_error->c_str() : ""};
  return GMAN_OK;
}

gman_counters gman_counters_get(const gman_client* client) {
  const gman::ClientCounters& counters = client->steps.counters();
  return {.connections = counters.connections,
          .jobs_sent = counters.jobs_sent,
          .jobs_failed = counters.jobs_failed};
}

}  // extern "C"
