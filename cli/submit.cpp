// SPDX-License-Identifier: BSD-3-Clause
#include "cli/submit.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <utility>

#include "cli/duration.hpp"
#include "cli/stream.hpp"
#include "client/fsm/text.hpp"

namespace gman::cli {
namespace {

constexpr std::size_t shown_bytes_max = 80;

Exit exit_of(client_errc code) {
  switch (code) {
    case client_errc::job_failed:
    case client_errc::job_exception: return Exit::failed;
    case client_errc::invalid_argument:
    case client_errc::no_servers: return Exit::usage;
    case client_errc::unreachable: return Exit::unreachable;
    case client_errc::deadline: return Exit::deadline;
    case client_errc::cancelled: return Exit::interrupted;
    case client_errc::connection_lost:
    case client_errc::protocol_error:
    case client_errc::server_error:
    case client_errc::out_of_memory:
    case client_errc::internal_error: return Exit::other;
  }
  return Exit::other;
}

/// Submits jobs one after the other and shows what comes of them.
class Submitter {
 public:
  Submitter(std::string_view command, const SubmitOptions& options, const ClientSettings& settings)
      : command_(command), options_(options), client_(settings) {
    client_.set_interrupt(is_interrupted);
    client_.set_progress([this](std::uint32_t numerator, std::uint32_t denominator) {
      progress_.show(std::to_string(numerator) + " of " + std::to_string(denominator) + " done");
    });
  }

  Exit one(std::string_view workload, std::string_view where) {
    const auto answer = client_.run({.function = options_.function,
                                     .unique = options_.unique,
                                     .workload = workload,
                                     .priority = options_.is_high  ? JobPriority::high
                                                 : options_.is_low ? JobPriority::low
                                                                   : JobPriority::normal,
                                     .background = options_.is_background});
    progress_.clear();
    if (is_interrupted()) return Exit::interrupted;
    if (const auto* error = std::get_if<Error>(&answer)) {
      return fail(exit_of(error->code), command_, std::string(where) + error->message, error->hint);
    }
    const auto& done = std::get<JobAnswer>(answer);
    std::string_view warnings = done.warning;
    while (!warnings.empty()) {
      const std::string_view line = warnings.substr(0, warnings.find('\n'));
      warnings.remove_prefix(std::min(line.size() + 1, warnings.size()));
      fail(Exit::done, command_, "warning: " + printable(line, warning_shown_bytes_max));
    }
    const bool ends_line = options_.is_background || options_.by_line;
    std::string text = options_.is_background ? done.handle : done.data;
    if (ends_line && !text.ends_with('\n')) text += '\n';
    return write_output(command_, text) ? Exit::done : Exit::other;
  }

  Exit each_line() {
    LineReader reader(command_);
    const auto started = std::chrono::steady_clock::now();
    std::uint64_t jobs = 0;
    Exit worst = Exit::done;
    for (;;) {
      auto next = reader.next();
      if (const auto* exit = std::get_if<Exit>(&next)) return *exit;
      const auto& line = std::get<std::optional<std::string>>(next);
      if (!line) return worst;
      if (line->empty()) continue;
      const Exit exit = one(*line, "line " + std::to_string(reader.lines()) + ": ");
      // One bad job does not spoil the others, but without a server there is no going on.
      if (exit == Exit::failed || exit == Exit::deadline) {
        worst = exit;
      } else if (exit != Exit::done) {
        return exit;
      }
      ++jobs;
      if (progress_.is_due()) {
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started;
        const auto rate = static_cast<std::uint64_t>(static_cast<double>(jobs) / elapsed.count());
        progress_.show(std::to_string(jobs) + " jobs, " + std::to_string(rate) + " a second");
      }
    }
  }

 private:
  static constexpr std::size_t warning_shown_bytes_max = 1000;

  std::string_view command_;
  const SubmitOptions& options_;
  Client client_;
  Progress progress_;
};

}  // namespace

void add_submit_options(CLI::App& command, Invocation& invocation, SubmitOptions& options) {
  add_servers_option(command, invocation);
  command.add_option("FUNCTION", options.function, "What to run, as its workers name it")
      ->required();
  command.add_option("WORKLOAD", options.workload,
                     "Its input; standard input when there is none, or it is -");
  command
      .add_option("-u,--unique", options.unique,
                  "Join the job with this function and key, if there is one already")
      ->type_name("KEY");
  auto* high = command.add_flag("--high", options.is_high, "Before jobs of normal priority");
  command.add_flag("--low", options.is_low, "After jobs of normal priority")->excludes(high);
  command.add_option("--deadline", options.deadline, "Give up after this time")->type_name("TIME");
  command.add_flag("--lines", options.by_line,
                   "One job for each line of standard input; empty lines are skipped");
}

Exit submit(const Invocation& invocation, std::string_view command, const SubmitOptions& options) {
  if (const auto servers = servers_of(invocation, command);
      const auto* exit = std::get_if<Exit>(&servers)) {
    return *exit;
  }
  if (options.by_line && options.has_workload) {
    return fail(Exit::usage, command, "--lines reads the workloads from standard input",
                "leave WORKLOAD out");
  }
  ClientSettings settings;
  settings.servers = invocation.servers;
  if (!options.deadline.empty()) {
    const auto deadline = parse_duration(options.deadline);
    if (!deadline) {
      return fail(Exit::usage, command,
                  "--deadline \"" + printable(options.deadline, shown_bytes_max) + "\" is no time",
                  "give " + std::string(duration_help));
    }
    settings.deadline = *deadline;
  }
  const InterruptGuard guard;
  Submitter submitter(command, options, settings);
  if (options.by_line) return submitter.each_line();
  if (options.has_workload && options.workload != "-") return submitter.one(options.workload, "");
  const auto input = read_input(command);
  if (const auto* exit = std::get_if<Exit>(&input)) return *exit;
  return submitter.one(std::get<std::string>(input), "");
}

}  // namespace gman::cli
