// SPDX-License-Identifier: BSD-3-Clause
// gman bench: how fast a job server is.
//
// It submits jobs of a function of its own and, if asked, works on them too, so that it can be
// pointed at any Gearman server; --drain takes away what it has queued.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cli/duration.hpp"
#include "cli/invocation.hpp"
#include "cli/load/generator.hpp"
#include "cli/load/report.hpp"
#include "cli/stream.hpp"
#include "client/asio/connect.hpp"
#include "client/fsm/text.hpp"
#include "protocol/limits.hpp"

namespace gman::cli {
namespace {

namespace asio = boost::asio;

constexpr std::string_view name = "bench";
constexpr std::chrono::milliseconds connect_timeout{5'000};
constexpr std::chrono::milliseconds duration_default{10'000};
constexpr std::uint32_t drain_workers = 4;

struct Options {
  std::string function = "gman_bench";
  bool foreground = false;
  bool background = false;
  bool unique = false;
  bool drain = false;
  bool json = false;
  bool plain = false;
  std::int64_t bytes = 64;
  std::int64_t connections = 4;
  std::int64_t window = 64;
  std::int64_t workers = 0;
  std::int64_t jobs = 0;
  std::int64_t server_pid = 0;
  std::string duration;
  std::string patience = "30s";
};

std::variant<std::chrono::milliseconds, Exit> time_of(std::string_view option,
                                                      const std::string& text) {
  if (const auto time = parse_duration(text)) return *time;
  return fail(Exit::usage, name,
              std::string(option) + " \"" + printable(text, 80) + "\" is no time",
              "give " + std::string(duration_help));
}

std::optional<std::string> number_mistake(std::string_view option, std::int64_t value,
                                          std::int64_t least, std::uint64_t most) {
  if (value >= least && static_cast<std::uint64_t>(value) <= most) return std::nullopt;
  return std::string(option) + ": " + std::to_string(value) + " is not between " +
         std::to_string(least) + " and " + std::to_string(most);
}

/// The first mistake in numbers and names, told.
std::optional<std::string> mistake_in(const Options& options, bool has_jobs) {
  struct Number {
    std::string_view option;
    std::int64_t value;
    std::int64_t least;
    std::uint64_t most;
  };
  for (const auto& [option, value, least, most] :
       {Number{"--bytes", options.bytes, 0, workload_bytes_max},
        Number{"--connections", options.connections, 0, load::connections_max},
        Number{"--window", options.window, 1, load::window_max},
        Number{"--workers", options.workers, 0, load::connections_max},
        Number{"--jobs", has_jobs ? options.jobs : 1, 1, load::jobs_max}}) {
    if (auto mistake = number_mistake(option, value, least, most)) return mistake;
  }
  if (options.server_pid < 0) return "--server-pid: a process has a positive number";
  if (options.function.empty()) return "--function: the name is empty";
  if (options.function.size() > function_bytes_max) {
    return "--function: the name is longer than " + std::to_string(function_bytes_max) + " bytes";
  }
  if (options.connections == 0 && options.workers == 0) {
    return "--connections 0 without --workers: there is nothing to do";
  }
  if (options.connections == 0 && (options.foreground || options.unique)) {
    return "--connections 0 submits nothing, so --foreground and --unique mean nothing";
  }
  if (options.foreground && options.drain) {
    return "--drain is for background jobs: a foreground job has ended when it is answered";
  }
  return std::nullopt;
}

std::variant<load::Plan, Exit> plan_of(const Options& options, bool has_jobs) {
  if (const auto mistake = mistake_in(options, has_jobs)) {
    return fail(Exit::usage, name, *mistake, "see gman bench --help");
  }
  load::Plan plan{
      .function = options.function,
      .mode = options.foreground ? load::Mode::foreground : load::Mode::background,
      .workload_bytes = static_cast<std::size_t>(options.bytes),
      .connections = static_cast<std::uint32_t>(options.connections),
      .window = static_cast<std::uint32_t>(options.window),
      .workers = static_cast<std::uint32_t>(options.workers),
      .has_uniques = options.unique,
  };
  if (has_jobs) plan.jobs = static_cast<std::uint64_t>(options.jobs);
  if (!options.duration.empty()) {
    const auto duration = time_of("--duration", options.duration);
    if (const auto* exit = std::get_if<Exit>(&duration)) return *exit;
    plan.duration = std::get<std::chrono::milliseconds>(duration);
  } else if (!has_jobs) {
    plan.duration = duration_default;
  }
  const auto patience = time_of("--patience", options.patience);
  if (const auto* exit = std::get_if<Exit>(&patience)) return *exit;
  plan.patience = std::get<std::chrono::milliseconds>(patience);
  if (options.server_pid > 0) plan.server_pid = static_cast<int>(options.server_pid);
  return plan;
}

/// As many descriptors as connections need, if the system allows them.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

asio::awaitable<void> connect_in_turn(ServerAddress server, std::size_t count,
                                      std::vector<load::Descriptor>& sockets,
                                      std::string& failure) {
  while (sockets.size() < count && failure.empty() && !is_interrupted()) {
    auto connected = co_await connect_to(server, connect_timeout);
    if (const auto* refused = std::get_if<ConnectFailure>(&connected)) {
      failure = refused->reason;
    } else {
      sockets.emplace_back(std::get<StreamSocket>(connected).release());
    }
  }
}

/// As many sockets as asked for, or why there are not.
std::variant<std::vector<load::Descriptor>, std::string> connect_all(const ServerAddress& server,
                                                                     std::size_t count) {
  std::vector<load::Descriptor> sockets;
  std::string failure;
  asio::io_context io{1};
  asio::co_spawn(io, connect_in_turn(server, count, sockets, failure),
                 [](const std::exception_ptr& failed) {
                   if (failed) std::rethrow_exception(failed);
                 });
  io.run();
  if (is_interrupted()) failure = "interrupted";
  if (!failure.empty()) return failure;
  return sockets;
}

/// The whole run with connections of its own; or why they could not be made.
std::variant<load::Outcome, std::string> execute(const load::Plan& plan,
                                                 const ServerAddress& server, Progress& progress) {
  auto clients = connect_all(server, plan.connections);
  if (auto* failure = std::get_if<std::string>(&clients)) return std::move(*failure);
  auto workers = connect_all(server, plan.workers);
  if (auto* failure = std::get_if<std::string>(&workers)) return std::move(*failure);
  load::Generator generator(plan, std::move(std::get<std::vector<load::Descriptor>>(clients)),
                            std::move(std::get<std::vector<load::Descriptor>>(workers)));
  load::Generator::Watch watch;
  if (is_terminal(STDERR_FILENO)) {
    watch = [&](const load::Outcome& so_far) { progress.show(load::live_line(plan, so_far)); };
  }
  return generator.run(watch);
}

/// How many of the jobs that this run has queued were taken away again.
std::variant<std::uint64_t, std::string> drain(const load::Plan& plan, std::uint64_t jobs,
                                               const ServerAddress& server, Progress& progress) {
  if (jobs == 0) return std::uint64_t{0};
  load::Plan emptying{.function = plan.function,
                      .connections = 0,
                      .workers = drain_workers,
                      .jobs = jobs,
                      .patience = plan.patience};
  auto emptied = execute(emptying, server, progress);
  if (auto* failure = std::get_if<std::string>(&emptied)) return std::move(*failure);
  const auto& outcome = std::get<load::Outcome>(emptied);
  if (outcome.end != load::End::done) return outcome.why;
  return outcome.counts.taken;
}

Exit exit_of(const load::Outcome& outcome) {
  switch (outcome.end) {
    case load::End::done: break;
    case load::End::silence: return Exit::deadline;
    case load::End::connection_lost:
    case load::End::broken_protocol: return Exit::other;
    case load::End::interrupted: return Exit::interrupted;
  }
  return outcome.counts.refused + outcome.counts.failed > 0 ? Exit::failed : Exit::done;
}

Exit run(const Invocation& invocation, const Options& options, bool has_jobs) {
  const auto servers = servers_of(invocation, name);
  if (const auto* exit = std::get_if<Exit>(&servers)) return *exit;
  const auto& list = std::get<std::vector<ServerAddress>>(servers);
  if (list.size() != 1) {
    return fail(Exit::usage, name, "it measures one server at a time", "give one by -s");
  }
  const auto planned = plan_of(options, has_jobs);
  if (const auto* exit = std::get_if<Exit>(&planned)) return *exit;
  const auto& plan = std::get<load::Plan>(planned);
  raise_descriptor_limit();

  Progress progress;
  std::optional<load::Outcome> outcome;
  {
    const InterruptGuard guard;
    auto executed = execute(plan, list.front(), progress);
    progress.clear();
    if (const auto* failure = std::get_if<std::string>(&executed)) {
      if (is_interrupted()) return Exit::interrupted;
      return fail(Exit::unreachable, name, list.front().name + ": " + *failure,
                  "is a job server running there?");
    }
    outcome = std::move(std::get<load::Outcome>(executed));
  }
  Exit exit = exit_of(*outcome);
  if (outcome->end != load::End::done) fail(exit, name, outcome->why);
  if (!outcome->first_refusal.empty()) {
    fail(exit, name, "the server refused: " + printable(outcome->first_refusal, 300));
  }

  std::uint64_t drained = 0;
  if (options.drain && plan.submits()) {
    const InterruptGuard guard;  // Ctrl-C ended the run; another one ends this
    const load::Counts& counts = outcome->counts;
    const std::uint64_t left = counts.acknowledged - std::min(counts.acknowledged, counts.taken);
    const auto result = drain(plan, left, list.front(), progress);
    progress.clear();
    if (const auto* failure = std::get_if<std::string>(&result)) {
      exit = fail(is_interrupted() ? Exit::interrupted : Exit::other, name,
                  "not all jobs were drained: " + *failure);
    } else {
      drained = std::get<std::uint64_t>(result);
    }
  }

  const load::Report report{
      .plan = plan, .outcome = *outcome, .server = list.front().name, .drained = drained};
  std::string out;
  if (options.json) {
    out = load::json_of(report);
  } else if (options.plain || !is_terminal(STDOUT_FILENO)) {
    out = load::table_of(report).for_programs();
  } else {
    out = load::table_of(report).for_people(wants_colour(STDOUT_FILENO));
  }
  return write_output(name, out) ? exit : Exit::other;
}

}  // namespace

void add_bench(CLI::App& app, Invocation& invocation) {
  auto* command = app.add_subcommand(std::string(name), "Measure how fast a job server is");
  auto options = std::make_shared<Options>();
  add_servers_option(*command, invocation);
  auto* background =
      command->add_flag("--background", options->background, "Submit background jobs (default)");
  command->add_flag("--foreground", options->foreground, "Submit jobs and wait for their results")
      ->excludes(background);
  command->add_option("-c,--connections", options->connections, "Connections that submit")
      ->type_name("N")
      ->capture_default_str();
  command->add_option("-w,--window", options->window, "Submits without an answer on each of them")
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--workers", options->workers, "Connections that take and complete jobs")
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--bytes", options->bytes, "Bytes of each workload")
      ->type_name("N")
      ->capture_default_str();
  command->add_flag("--unique", options->unique, "Give each job a unique of its own");
  command->add_option("--function", options->function, "Function of the jobs")
      ->type_name("NAME")
      ->capture_default_str();
  auto* jobs =
      command->add_option("-n,--jobs", options->jobs, "End after so many jobs")->type_name("N");
  command->add_option("--duration", options->duration, "End after that time (10s without --jobs)")
      ->type_name("TIME");
  command->add_option("--patience", options->patience, "Give up when nothing comes for so long")
      ->type_name("TIME")
      ->capture_default_str();
  command->add_flag("--drain", options->drain, "Take away afterwards what was queued");
  command
      ->add_option("--server-pid", options->server_pid,
                   "The server's process here: show its CPU time")
      ->type_name("PID");
  command->add_flag("--json", options->json, "One JSON object instead of the table");
  command->add_flag("--plain", options->plain,
                    "Tab-separated, without titles; so it is anyway when piped");
  command->footer(
      "Submits as fast as the server answers; --connections 0 only takes what is queued, until\n"
      "nothing is. The run ends when all is answered, and all taken where there are workers.\n"
      "Choose a function that does no real work: workers and --drain take its jobs.\n" +
      std::string(duration_footer) +
      "Exit codes: 0 done; 1 the server refused or failed jobs; 2 wrong usage; 3 no server\n"
      "reachable; 4 nothing came for --patience; 5 connection lost and all else;\n"
      "130 interrupted.\n"
      "\nExamples:\n"
      "  gman bench --drain\n"
      "  gman bench --foreground -c 64 -w 1 --workers 16 --duration 5s\n"
      "  gman bench -s unix:/run/gmand.sock -n 1000000 --unique --server-pid $(pidof gmand)\n"
      "  gman bench -c 0 --workers 4");
  command->callback([&invocation, options, jobs] {
    invocation.run = [&invocation, options, jobs] {
      return run(invocation, *options, jobs->count() > 0);
    };
  });
}

}  // namespace gman::cli
