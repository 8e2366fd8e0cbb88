// SPDX-License-Identifier: BSD-3-Clause
#include "examples/narada/program.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

namespace gman::narada {
namespace {

constexpr std::chrono::milliseconds first_wait{20};
constexpr std::chrono::milliseconds wait_max{5'000};

}  // namespace

Program::Program(std::string name, const std::string& about, std::size_t jobs)
    : options_(about, name), name_(std::move(name)), jobs_(jobs), log_(STDERR_FILENO) {
  options_.option_defaults()->take_last();  // so that a script's options can be overridden
  options_.set_version_flag("-V,--version", name_ + " " GMAN_VERSION);
  options_.add_option("-s,--servers", servers_, "job servers: host:port,unix:/path")
      ->envname("GMAN_SERVERS")
      ->capture_default_str();
  options_.add_option("-j,--jobs", jobs_, "jobs at the same time")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
}

void Program::add_database(std::string& dsn) {
  options_
      .add_option("-d,--database", dsn,
                  "postgresql://… or mysql://user:password@host:port/name?socket=/path")
      ->envname("NARADA_DATABASE")
      ->required();
}

void Program::add_index(std::string& path) {
  options_.add_option("-i,--index", path, "the index: a SQLite file")->required();
}

int Program::serve(int argc, char** argv, const std::string& function,
                   const std::function<Result<Work>()>& prepare) {
  try {
    options_.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return options_.exit(error) == 0 ? 0 : 2;
  }
  try {
    const auto work = prepare();
    if (!work) {
      log(LogLevel::error, "cannot begin", {{"reason", work.error().message()}});
      return 1;
    }
    Worker worker({.servers = servers_, .jobs_max = jobs_, .client_id = name_});
    worker.add_function(function, [&](Job& job) { return run_patiently(*work, job); });
    worker.on_event([this](const WorkerEvent& event) { report(event); });
    worker.run_until_signal();
  } catch (const std::invalid_argument& error) {
    log(LogLevel::error, "wrong settings", {{"reason", error.what()}});
    return 2;
  }
  return 0;
}

WorkResult Program::run_patiently(const Work& work, Job& job) {
  auto wait = first_wait;
  for (int attempt = 1;; ++attempt) {
    auto answer = work(job.workload());
    if (answer) return WorkResult::complete(std::move(*answer));
    const Trouble& trouble = answer.error();
    const bool again = trouble.is_passing() && attempt < attempts_max && !job.abandoned();
    log(again ? LogLevel::warn : LogLevel::error, again ? "trying again" : "giving up",
        {{"function", job.function()},
         {"handle", job.handle()},
         {"attempt", attempt},
         {"reason", trouble.message()}});
    if (!again) return WorkResult::exception(trouble.message());
    std::this_thread::sleep_for(wait);
    wait = std::min(2 * wait, wait_max);
  }
}

void Program::report(const WorkerEvent& event) {
  switch (event.kind) {
    case WorkerEvent::Kind::connected:
      log(LogLevel::info, "connected", {{"server", event.server}});
      break;
    case WorkerEvent::Kind::connect_failed:
      log(LogLevel::warn, "not connected", {{"server", event.server}, {"reason", event.detail}});
      break;
    case WorkerEvent::Kind::disconnected:
      log(LogLevel::warn, "disconnected", {{"server", event.server}, {"reason", event.detail}});
      break;
    case WorkerEvent::Kind::server_error:
      log(LogLevel::error, "job server error",
          {{"server", event.server}, {"reason", event.detail}});
      break;
    case WorkerEvent::Kind::stopping:
      log(LogLevel::info, "stopping, takes no more jobs", {{"running", event.detail}});
      break;
    case WorkerEvent::Kind::job_started:
    case WorkerEvent::Kind::job_ended: break;
  }
}

void Program::log(LogLevel level, std::string_view message,
                  std::initializer_list<LogField> fields) {
  const std::lock_guard lock(log_mutex_);
  switch (level) {
    case LogLevel::debug: return log_.debug(message, fields);
    case LogLevel::info: return log_.info(message, fields);
    case LogLevel::warn: return log_.warn(message, fields);
    case LogLevel::error: return log_.error(message, fields);
  }
}

}  // namespace gman::narada
