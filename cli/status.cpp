// SPDX-License-Identifier: BSD-3-Clause
// gman status: what each server has queued and running, and how many workers it has for that.
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <thread>

#include "cli/ask.hpp"
#include "cli/duration.hpp"
#include "cli/invocation.hpp"
#include "cli/stream.hpp"
#include "cli/table.hpp"
#include "client/fsm/text.hpp"

namespace gman::cli {
namespace {

constexpr std::string_view name = "status";
constexpr std::size_t function_shown_bytes_max = 512;
constexpr std::string_view clear_screen = "\x1b[H\x1b[2J";

struct Options {
  bool plain = false;
  std::string watch;
};

struct Row {
  std::string function;
  std::uint64_t queued = 0, running = 0, workers = 0;
};

/// One line of the answer: function, all jobs, running ones and workers, between tabs.
std::optional<Row> parse_row(std::string_view line) {
  std::array<std::uint64_t, 3> numbers{};
  for (std::size_t i = numbers.size(); i-- > 0;) {
    const std::size_t tab = line.rfind('\t');
    if (tab == std::string_view::npos) return std::nullopt;
    const std::string_view digits = line.substr(tab + 1);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), numbers[i]);
    if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    line = line.substr(0, tab);
  }
  const auto [total, running, workers] = numbers;
  return Row{.function = printable(line, function_shown_bytes_max),
             .queued = total - std::min(running, total),
             .running = running,
             .workers = workers};
}

std::vector<Row> parse_rows(std::string_view text) {
  std::vector<Row> rows;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (auto row = parse_row(text.substr(0, end))) rows.push_back(std::move(*row));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  std::ranges::sort(rows, {}, &Row::function);
  return rows;
}

std::string show(const std::vector<Answer>& answers, bool for_people) {
  const bool has_many = answers.size() > 1;
  std::string out;
  for (const Answer& answer : answers) {
    if (answer.failure) continue;
    std::vector<Column> columns{{"FUNCTION"},
                                {"QUEUED", Align::right},
                                {"RUNNING", Align::right},
                                {"WORKERS", Align::right}};
    if (!for_people && has_many) columns.insert(columns.begin(), Column{"SERVER"});
    Table table(std::move(columns));
    for (const Row& row : parse_rows(answer.text)) {
      std::vector<std::string> cells{row.function, std::to_string(row.queued),
                                     std::to_string(row.running), std::to_string(row.workers)};
      if (!for_people && has_many) cells.insert(cells.begin(), answer.server);
      table.add(std::move(cells), row.queued > 0 && row.workers == 0);
    }
    if (!for_people) {
      out += table.for_programs();
      continue;
    }
    if (has_many) out += (out.empty() ? "" : "\n") + answer.server + '\n';
    out += table.is_empty() ? "no functions yet\n" : table.for_people(wants_colour(STDOUT_FILENO));
  }
  return out;
}

Exit run(const Invocation& invocation, const Options& options) {
  const auto servers = servers_of(invocation, name);
  if (const auto* exit = std::get_if<Exit>(&servers)) return *exit;

  std::optional<std::chrono::milliseconds> every;
  if (!options.watch.empty()) {
    every = parse_duration(options.watch);
    if (!every) {
      return fail(Exit::usage, name, "--watch \"" + printable(options.watch, 80) + "\" is no time",
                  "give " + std::string(duration_help));
    }
  }
  const bool on_terminal = is_terminal(STDOUT_FILENO);
  for (;;) {
    const auto answers = ask(std::get<std::vector<ServerAddress>>(servers), "status");
    std::string out = show(answers, on_terminal && !options.plain);
    if (every && on_terminal) out.insert(0, clear_screen);
    if (!write_output(name, out)) return Exit::other;
    const Exit exit = report_failures(answers, name);
    if (!every) return exit;
    std::this_thread::sleep_for(*every);  // Ctrl-C ends it, as it ends any command
  }
}

}  // namespace

void add_status(CLI::App& app, Invocation& invocation) {
  auto* command = app.add_subcommand(std::string(name), "Show functions: queued, running, workers");
  auto options = std::make_shared<Options>();
  add_servers_option(*command, invocation);
  command->add_flag("--plain", options->plain,
                    "Tab-separated, without titles; so it is anyway when piped");
  command->add_option("--watch", options->watch, "Show it again and again, every so often")
      ->type_name("TIME")
      ->expected(0, 1)
      ->default_str("2");
  command->footer(
      "Columns: function, queued, running, workers; before them the server, when several are\n"
      "asked and the output is plain. Red: jobs wait and no worker is there for them.\n" +
      std::string(duration_footer) +
      "Exit codes: 0 done; 2 wrong usage; 3 a server could not be reached (the others are shown).\n"
      "\nExamples:\n"
      "  gman status\n"
      "  gman status --watch\n"
      "  gman status -s db1,db2 --plain | awk '$3 > 100'");
  command->callback([&invocation, options] {
    invocation.run = [&invocation, options] { return run(invocation, *options); };
  });
}

}  // namespace gman::cli
