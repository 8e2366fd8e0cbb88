// SPDX-License-Identifier: BSD-3-Clause
// gman workers: who is connected to each server, and which functions they offer.
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "cli/ask.hpp"
#include "cli/invocation.hpp"
#include "cli/stream.hpp"
#include "cli/table.hpp"
#include "client/fsm/text.hpp"

namespace gman::cli {
namespace {

constexpr std::string_view name = "workers";
constexpr std::size_t shown_bytes_max = 4096;

struct Options {
  bool plain = false;
  bool all = false;
};

struct Row {
  std::string fd, address, client_id, functions;
};

std::string_view cut_word(std::string_view& line) {
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(std::min(word.size() + 1, line.size()));
  return word;
}

/// "fd address id : function function". An old client's id may hold blanks.
std::optional<Row> parse_row(std::string_view line) {
  Row row;
  row.fd = printable(cut_word(line), shown_bytes_max);
  row.address = printable(cut_word(line), shown_bytes_max);
  const std::size_t colon = (" " + std::string(line) + " ").find(" : ");
  if (colon == std::string::npos) return std::nullopt;
  row.client_id = printable(line.substr(0, colon == 0 ? 0 : colon - 1), shown_bytes_max);
  if (colon + 2 < line.size()) row.functions = printable(line.substr(colon + 2), shown_bytes_max);
  return row;
}

std::string show(const std::vector<Answer>& answers, bool for_people, bool all) {
  const bool has_many = answers.size() > 1;
  std::string out;
  for (const Answer& answer : answers) {
    if (answer.failure) continue;
    std::vector<Column> columns{{"FD", Align::right}, {"ADDRESS"}, {"CLIENT-ID"}, {"FUNCTIONS"}};
    if (!for_people && has_many) columns.insert(columns.begin(), Column{"SERVER"});
    Table table(std::move(columns));
    std::string_view text = answer.text;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      const auto row = parse_row(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
      if (!row || (row->functions.empty() && !all)) continue;
      std::vector<std::string> cells{row->fd, row->address, row->client_id, row->functions};
      if (!for_people && has_many) cells.insert(cells.begin(), answer.server);
      table.add(std::move(cells));
    }
    if (!for_people) {
      out += table.for_programs();
      continue;
    }
    if (has_many) out += (out.empty() ? "" : "\n") + answer.server + '\n';
    out += table.is_empty() ? "no workers\n" : table.for_people(wants_colour(STDOUT_FILENO));
  }
  return out;
}

Exit run(const Invocation& invocation, const Options& options) {
  const auto servers = servers_of(invocation, name);
  if (const auto* exit = std::get_if<Exit>(&servers)) return *exit;
  const auto answers = ask(std::get<std::vector<ServerAddress>>(servers), "workers");
  const bool for_people = is_terminal(STDOUT_FILENO) && !options.plain;
  if (!write_output(name, show(answers, for_people, options.all))) return Exit::other;
  return report_failures(answers, name);
}

}  // namespace

void add_workers(CLI::App& app, Invocation& invocation) {
  auto* command = app.add_subcommand(std::string(name), "Show workers and their functions");
  auto options = std::make_shared<Options>();
  add_servers_option(*command, invocation);
  command->add_flag("--all", options->all, "Also connections that offer no function: clients");
  command->add_flag("--plain", options->plain,
                    "Tab-separated, without titles; so it is anyway when piped");
  command->footer(
      "Columns: file descriptor in the server, address, client id (- when it gave none), "
      "functions;\n"
      "before them the server, when several are asked and the output is plain.\n"
      "Exit codes: 0 done; 2 wrong usage; 3 a server could not be reached (the others are shown).\n"
      "\nExamples:\n"
      "  gman workers\n"
      "  gman workers --all -s unix:/run/gmand.sock");
  command->callback([&invocation, options] {
    invocation.run = [&invocation, options] { return run(invocation, *options); };
  });
}

}  // namespace gman::cli
