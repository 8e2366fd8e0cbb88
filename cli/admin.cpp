// SPDX-License-Identifier: BSD-3-Clause
// gman admin: any command of the admin text protocol, as it is.
#include <algorithm>

#include "cli/ask.hpp"
#include "cli/invocation.hpp"
#include "cli/stream.hpp"

namespace gman::cli {
namespace {

constexpr std::string_view name = "admin";

Exit run(const Invocation& invocation, const std::vector<std::string>& words) {
  const auto servers = servers_of(invocation, name);
  if (const auto* exit = std::get_if<Exit>(&servers)) return *exit;
  std::string line;
  for (const std::string& word : words) {
    if (word.find_first_of(std::string_view("\n\r\0", 3)) != std::string::npos) {
      return fail(Exit::usage, name, "a word holds a line end or NUL",
                  "send one command at a time");
    }
    if (!line.empty()) line += ' ';
    line += word;
  }
  const auto answers = ask(std::get<std::vector<ServerAddress>>(servers), line);
  bool is_refused = false;
  for (const Answer& answer : answers) {
    if (answer.failure) continue;
    is_refused = is_refused || answer.is_refusal;
    std::string out = answers.size() > 1 ? answer.server + ":\n" : "";
    out += answer.text;
    std::erase(out, '\r');
    if (!write_output(name, out)) return Exit::other;
  }
  const Exit exit = report_failures(answers, name);
  return exit == Exit::done && is_refused ? Exit::failed : exit;
}

}  // namespace

void add_admin(CLI::App& app, Invocation& invocation) {
  auto* command = app.add_subcommand(std::string(name), "Send an admin command as it is");
  auto words = std::make_shared<std::vector<std::string>>();
  add_servers_option(*command, invocation);
  command->add_option("WORDS", *words, "The command's words")->required();
  command->footer(
      "Every server of the list gets the command; with several, its name stands before each "
      "answer.\n"
      "Commands: status, prioritystatus, workers, version, getpid, verbose, show jobs,\n"
      "show unique jobs, cancel job HANDLE, create function NAME, drop function NAME,\n"
      "maxqueue NAME [COUNT], shutdown [graceful] (on the Unix socket only).\n"
      "Exit codes: 0 done; 1 the answer begins with ERR; 2 wrong usage; 3 no connection.\n"
      "\nExamples:\n"
      "  gman admin version\n"
      "  gman admin cancel job H:box:42\n"
      "  gman admin -s unix:/run/gmand.sock shutdown graceful");
  command->callback([&invocation, words] {
    invocation.run = [&invocation, words] { return run(invocation, *words); };
  });
}

}  // namespace gman::cli
