// SPDX-License-Identifier: BSD-3-Clause
// gman worker: any program as a worker. Each job is one run of it: the workload is its standard
// input, its standard output is the result.
//
// A program that does not end with status 0 ends its job with WORK_EXCEPTION, whose text is the
// status and the end of what the program wrote to its standard error. Clients that did not ask for
// exceptions get WORK_FAIL from the server, as always; the others, our SQL functions among them,
// can say why.
#include <gman/worker.hpp>

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <thread>

#include "base/log.hpp"
#include "cli/child.hpp"
#include "cli/duration.hpp"
#include "cli/invocation.hpp"
#include "client/fsm/text.hpp"
#include "protocol/limits.hpp"

namespace gman::cli {
namespace {

constexpr std::string_view name = "worker";
constexpr std::size_t shown_bytes_max = 2048;
constexpr std::int64_t jobs_total_max = 1'000'000'000'000;

/// The server takes the job back first, so that what we say of the ended program cannot fail it.
constexpr std::chrono::milliseconds after_timeout{250};

struct Options {
  std::string function;
  std::vector<std::string> program;
  std::string timeout;
  std::string client_id;
  std::int64_t jobs = 1;
  std::int64_t count = 0;
  bool trims = false;
  bool has_environment = false;
  bool is_quiet = false;
  bool is_verbose = false;
};

bool is_ignored(int signal) {
  struct sigaction action {};
  return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

/// Only says that the thread below is to look whether it is over.
constexpr int wake_signal = SIGUSR1;

/// SIGINT, SIGTERM, SIGHUP and SIGQUIT, taken by a thread that may do what a handler may not. The
/// first lets running jobs end, the second ends their programs, the third ends this process.
class StopSignals {
 public:
  explicit StopSignals(Worker& worker) : worker_(worker) {
    ::sigemptyset(&signals_);
    ::sigaddset(&signals_, SIGTERM);
    ::sigaddset(&signals_, wake_signal);
    for (const int number : {SIGINT, SIGHUP, SIGQUIT}) {
      if (!is_ignored(number)) ::sigaddset(&signals_, number);  // nohup means it
    }
    ::pthread_sigmask(SIG_BLOCK, &signals_, nullptr);  // job threads inherit it
    thread_ = std::thread([this] { listen(); });
  }
  ~StopSignals() {
    is_over_ = true;
    ::pthread_kill(thread_.native_handle(), wake_signal);
    thread_.join();
    ::pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);
  }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  [[nodiscard]] bool is_told_twice() const { return is_told_twice_; }

 private:
  void listen() {
    for (int told = 1; !is_over_;) {
      int signal = 0;
      ::sigwait(&signals_, &signal);
      if (signal == wake_signal) continue;
      if (told > 2) ::_exit(static_cast<int>(Exit::interrupted));
      is_told_twice_ = told == 2;
      worker_.stop();
      ++told;
    }
  }

  Worker& worker_;
  sigset_t signals_{};
  std::atomic<bool> is_over_ = false;
  std::atomic<bool> is_told_twice_ = false;
  std::thread thread_;
};

/// Tells once that a server cannot be reached, not at each attempt.
class EventLog {
 public:
  explicit EventLog(const Options& options)
      : log_(STDERR_FILENO, options.is_quiet     ? LogLevel::warn
                            : options.is_verbose ? LogLevel::debug
                                                 : LogLevel::info) {}

  void operator()(const WorkerEvent& event) {
    switch (event.kind) {
      case WorkerEvent::Kind::connected:
        is_told_down_[event.server] = false;
        log_.info("connected", {{"server", event.server}});
        break;
      case WorkerEvent::Kind::connect_failed:
        if (std::exchange(is_told_down_[event.server], true)) break;
        log_.warn("cannot connect, keeps trying",
                  {{"server", event.server}, {"reason", event.detail}});
        break;
      case WorkerEvent::Kind::disconnected:
        log_.info("disconnected", {{"server", event.server}, {"reason", event.detail}});
        break;
      case WorkerEvent::Kind::job_started:
        log_.debug("job started", {{"server", event.server}, {"handle", event.detail}});
        break;
      case WorkerEvent::Kind::job_ended:
        log_.debug("job ended", {{"server", event.server}, {"handle", event.detail}});
        break;
      case WorkerEvent::Kind::server_error:
        log_.warn("the server answered an error",
                  {{"server", event.server}, {"error", event.detail}});
        break;
      case WorkerEvent::Kind::stopping:
        log_.info("stopping, takes no more jobs", {{"running", event.detail}});
        break;
    }
  }

 private:
  Log log_;
  std::map<std::string, bool> is_told_down_;
};

WorkResult run_program(Job& job, const std::vector<std::string>& program, const Options& options,
                       std::chrono::milliseconds timeout, const StopSignals& signals) {
  ChildRun run{.words = program,
               .environment = {},
               .input = job.workload(),
               .output_bytes_max = workload_bytes_max,
               .time_max = {},
               .is_cancelled = [&] { return signals.is_told_twice(); }};
  if (timeout.count() > 0) run.time_max = timeout + after_timeout;
  if (options.has_environment) {
    run.environment = {"GMAN_HANDLE=" + job.handle(), "GMAN_FUNCTION=" + job.function(),
                       "GMAN_UNIQUE=" + job.unique()};
  }
  ChildResult result = run_child(run);
  if (!result.failure.empty()) {
    const Log log(STDERR_FILENO);
    log.warn("job failed",
             {{"handle", job.handle()}, {"reason", printable(result.failure, shown_bytes_max)}});
    return WorkResult::exception(std::move(result.failure));
  }
  if (options.trims && result.output.ends_with('\n')) result.output.pop_back();
  return WorkResult::complete(std::move(result.output));
}

Exit run(const Invocation& invocation, const Options& options) {
  auto program = options.program;
  program.insert(program.end(), invocation.program.begin(), invocation.program.end());
  if (program.empty()) {
    return fail(Exit::usage, name, "no program is given",
                "put it behind --, as in: gman worker wc -- wc -l");
  }
  if (!is_program(program[0])) {
    return fail(Exit::usage, name, "there is no program " + printable(program[0], shown_bytes_max),
                "give its path, or the name of one in PATH");
  }
  std::chrono::milliseconds timeout{0};
  if (!options.timeout.empty()) {
    const auto parsed = parse_duration(options.timeout);
    if (!parsed) {
      return fail(Exit::usage, name,
                  "--timeout \"" + printable(options.timeout, 80) + "\" is no time",
                  "give " + std::string(duration_help));
    }
    timeout = *parsed;
  }
  try {
    WorkerSettings settings;
    settings.servers = invocation.servers;
    settings.jobs_max = static_cast<std::size_t>(options.jobs);
    settings.jobs_total = static_cast<std::uint64_t>(options.count);
    settings.client_id = options.client_id;
    Worker worker(settings);
    std::signal(SIGPIPE, SIG_IGN);
    StopSignals signals(worker);
    worker.add_function(
        options.function,
        [&](Job& job) { return run_program(job, program, options, timeout, signals); }, timeout);
    worker.on_event(EventLog(options));
    worker.run();
  } catch (const std::invalid_argument& error) {
    return fail(Exit::usage, name, error.what());
  }
  return Exit::done;
}

}  // namespace

void add_worker(CLI::App& app, Invocation& invocation) {
  auto* command = app.add_subcommand(std::string(name), "Run a program for each job of a function");
  auto options = std::make_shared<Options>();
  add_servers_option(*command, invocation);
  command->add_option("FUNCTION", options->function, "The function to offer")->required();
  command->add_option("PROGRAM", options->program, "The program and its arguments, best behind --");
  command->add_option("-j,--jobs", options->jobs, "Jobs at the same time")
      ->type_name("N")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{Worker::jobs_max_limit}))
      ->capture_default_str();
  command->add_option("--timeout", options->timeout, "End a run that takes longer than this")
      ->type_name("TIME");
  command->add_option("--count", options->count, "End after so many jobs")
      ->type_name("N")
      ->check(CLI::Range(std::int64_t{1}, jobs_total_max));
  command
      ->add_option("--client-id", options->client_id, "What `gman workers` shows for this worker")
      ->type_name("ID");
  command->add_flag("--trim", options->trims, "Take one line feed from the end of the output");
  command->add_flag("--env", options->has_environment,
                    "Give the program GMAN_HANDLE, GMAN_FUNCTION and GMAN_UNIQUE");
  auto* quiet = command->add_flag("-q,--quiet", options->is_quiet, "Log only what goes wrong");
  command->add_flag("-v,--verbose", options->is_verbose, "Log each job")->excludes(quiet);
  command->footer(
      "The program is run once for each job, without a shell: the workload is its standard input,\n"
      "its standard output is the result, unchanged. If it ends with a status other than 0, the "
      "job\n"
      "ends with an exception that tells the status and the end of its standard error; clients "
      "that\n"
      "did not ask for exceptions see a failed job. Its standard error also comes out here.\n"
      "With --timeout the server takes a job back that runs for too long and gives it away again, "
      "and\n"
      "the program is ended. " +
      std::string(duration_footer) +
      "Servers that are down are tried again and again. SIGINT, SIGTERM, SIGHUP or SIGQUIT: no "
      "more\n"
      "jobs, and an end when the running ones are done; a second one ends their programs, and the\n"
      "server gives the jobs to other workers.\n"
      "Exit codes: 0 stopped, or --count reached; 2 wrong usage.\n"
      "\nExamples:\n"
      "  gman worker wc -- wc -l\n"
      "  gman worker reverse --trim -- rev\n"
      "  gman worker thumbnail --jobs 4 --timeout 30s -- convert - -resize 200x200 -\n"
      "  gman worker notify --env -- sh -c 'logger \"$GMAN_HANDLE: $(cat)\"'");
  command->callback([&invocation, options] {
    invocation.run = [&invocation, options] { return run(invocation, *options); };
  });
}

}  // namespace gman::cli
