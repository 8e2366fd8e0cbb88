// SPDX-License-Identifier: BSD-3-Clause
#include "cli/submit.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <utility>
#include <variant>
#include <vector>

#include <gman/gman.h>

#include "cli/duration.hpp"
#include "cli/moment.hpp"
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

// Of a batch of lines; more would only make the others wait.
constexpr std::size_t batch_bytes_max = 1u << 20;

/// What the options say of every job, understood.
struct Terms {
  JobPriority priority = JobPriority::normal;
  JobUnique unique_mode = JobUnique::alive;
  std::optional<JobTime> run_at{};
};

/// Submits jobs and shows what comes of them.
class Submitter {
 public:
  Submitter(std::string_view command, const SubmitOptions& options, const Terms& terms,
            const ClientSettings& settings)
      : command_(command), options_(options), terms_(terms), client_(settings) {
    client_.set_interrupt(is_interrupted);
    client_.set_progress([this](std::uint32_t numerator, std::uint32_t denominator) {
      progress_.show(std::to_string(numerator) + " of " + std::to_string(denominator) + " done");
    });
  }

  Exit one(std::string_view workload, std::string_view where) {
    const auto answer = client_.run({.function = options_.function,
                                     .unique = options_.unique,
                                     .workload = workload,
                                     .priority = terms_.priority,
                                     .background = options_.is_background,
                                     .unique_mode = terms_.unique_mode,
                                     .run_at = terms_.run_at});
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
    Exit worst = Exit::done;
    for (;;) {
      auto next = reader.next();
      if (const auto* exit = std::get_if<Exit>(&next)) return *exit;
      auto& line = std::get<std::optional<std::string>>(next);
      if (line && !line->empty()) {
        const Exit exit = take(std::move(*line), reader.lines());
        if (const auto end = is_end(exit, worst)) return *end;
      }
      // What has not come yet is not waited for.
      if (!line || !reader.has_line()) {
        if (const auto end = is_end(send_batch(), worst)) return *end;
      }
      if (!line) return worst;
    }
  }

 private:
  struct Line {
    std::string workload;
    std::uint64_t number;
  };

  // One bad job does not spoil the others, but without a server there is no going on.
  static std::optional<Exit> is_end(Exit exit, Exit& worst) {
    if (exit == Exit::done) return std::nullopt;
    if (exit != Exit::failed && exit != Exit::deadline) return exit;
    worst = exit;
    return std::nullopt;
  }

  static std::string at_line(std::uint64_t number) {
    return "line " + std::to_string(number) + ": ";
  }

  Exit take(std::string workload, std::uint64_t number) {
    if (!options_.is_background) {
      const Exit exit = one(workload, at_line(number));
      count(1);
      return exit;
    }
    Exit exit = Exit::done;
    const bool is_full = batch_.size() == GMAN_JOBS_MAX;
    if (is_full || (!batch_.empty() && batch_bytes_ + workload.size() > batch_bytes_max)) {
      exit = send_batch();
    }
    batch_bytes_ += workload.size();
    batch_.push_back({std::move(workload), number});
    return exit;
  }

  // Many background jobs in one packet. What was accepted is printed, whatever became of the rest.
  Exit send_batch() {
    const std::vector<Line> batch = std::exchange(batch_, {});
    batch_bytes_ = 0;
    if (batch.empty()) return Exit::done;
    if (batch.size() == 1) {
      const Exit exit = one(batch[0].workload, at_line(batch[0].number));
      count(1);
      return exit;
    }
    JobsRequest request{.function = options_.function,
                        .priority = terms_.priority,
                        .unique_mode = terms_.unique_mode,
                        .run_at = terms_.run_at};
    for (const Line& line : batch) request.parts.push_back({options_.unique, line.workload});
    const JobsAnswer answer = client_.submit(request);
    progress_.clear();

    std::string handles;
    for (const auto& job : answer.outcomes) {
      if (!job.handle.empty()) handles += job.handle + '\n';
    }
    Exit exit = write_output(command_, handles) ? Exit::done : Exit::other;
    for (std::size_t i = 0; i < answer.outcomes.size(); ++i) {
      const std::string& refusal = answer.outcomes[i].refusal;
      if (refusal.empty()) continue;
      exit = fail(Exit::other, command_,
                  at_line(batch[i].number) + answer.server + " refused the job: " + refusal);
    }
    count(answer.outcomes.size());
    if (is_interrupted()) return Exit::interrupted;
    if (!answer.error) return exit;
    return fail(exit_of(answer.error->code), command_,
                at_line(batch[answer.outcomes.size()].number) + answer.error->message,
                answer.error->hint);
  }

  void count(std::size_t jobs) {
    jobs_ += jobs;
    if (!progress_.is_due()) return;
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started_;
    const auto rate = static_cast<std::uint64_t>(static_cast<double>(jobs_) / elapsed.count());
    progress_.show(std::to_string(jobs_) + " jobs, " + std::to_string(rate) + " a second");
  }

  static constexpr std::size_t warning_shown_bytes_max = 1000;

  std::string_view command_;
  const SubmitOptions& options_;
  const Terms& terms_;
  Client client_;
  Progress progress_;
  std::vector<Line> batch_;  ///< lines read and not submitted yet
  std::size_t batch_bytes_ = 0;
  std::uint64_t jobs_ = 0;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

/// What is wrong with the words of an option, and what may be given instead.
struct Mistake {
  std::string what, hint;
};

std::variant<Terms, Mistake> terms_of(const SubmitOptions& options) {
  const auto quoted = [](std::string_view option, const std::string& text) {
    return std::string(option) + " \"" + printable(text, shown_bytes_max) + "\"";
  };
  Terms terms;
  if (options.is_high || options.priority == "high") {
    terms.priority = JobPriority::high;
  } else if (options.is_low || options.priority == "low") {
    terms.priority = JobPriority::low;
  } else if (!options.priority.empty() && options.priority != "normal") {
    return Mistake{quoted("--priority", options.priority) + " is no priority",
                   "give high, normal or low"};
  }
  if (options.unique_mode == "until-start") {
    terms.unique_mode = JobUnique::until_start;
  } else if (!options.unique_mode.empty() && options.unique_mode != "alive") {
    return Mistake{quoted("--unique-mode", options.unique_mode) + " is no mode",
                   "give alive or until-start"};
  }
  if (!options.unique_mode.empty() && options.unique.empty()) {
    return Mistake{"--unique-mode says how a key joins, and there is none", "give --unique KEY"};
  }
  if (!options.at.empty()) {
    terms.run_at = parse_moment(options.at);
    if (!terms.run_at) {
      return Mistake{quoted("--at", options.at) + " is no point in time",
                     "give " + std::string(moment_help)};
    }
  }
  if (!options.in.empty()) {
    const auto wait = parse_duration(options.in);
    if (!wait) {
      return Mistake{quoted("--in", options.in) + " is no time",
                     "give " + std::string(duration_help)};
    }
    const auto now = std::chrono::system_clock::now();
    terms.run_at = std::chrono::ceil<std::chrono::milliseconds>(now) + *wait;
  }
  return terms;
}

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
  command
      .add_option("--unique-mode", options.unique_mode,
                  "Join one that is alive, or only one that has not started")
      ->type_name("alive|until-start");
  auto* high = command.add_flag("--high", options.is_high, "Before jobs of normal priority");
  auto* low = command.add_flag("--low", options.is_low, "After jobs of normal priority");
  low->excludes(high);
  command.add_option("--priority", options.priority, "The same in one word")
      ->type_name("high|normal|low")
      ->excludes(high)
      ->excludes(low);
  auto* at = command.add_option("--at", options.at, "Run it not before this date and time");
  at->type_name("WHEN");
  command.add_option("--in", options.in, "Run it not before so much time has passed")
      ->type_name("TIME")
      ->excludes(at);
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
  const auto terms = terms_of(options);
  if (const auto* mistake = std::get_if<Mistake>(&terms)) {
    return fail(Exit::usage, command, mistake->what, mistake->hint);
  }
  const InterruptGuard guard;
  Submitter submitter(command, options, std::get<Terms>(terms), settings);
  if (options.by_line) return submitter.each_line();
  if (options.has_workload && options.workload != "-") return submitter.one(options.workload, "");
  const auto input = read_input(command);
  if (const auto* exit = std::get_if<Exit>(&input)) return *exit;
  return submitter.one(std::get<std::string>(input), "");
}

}  // namespace gman::cli
