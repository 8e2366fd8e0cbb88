// SPDX-License-Identifier: BSD-3-Clause
// gman: one command for people. Understands the command line, then does what it says.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <exception>
#include <span>

#include "cli/invocation.hpp"
#include "cli/stream.hpp"
#include "cli/suggest.hpp"
#include "client/fsm/text.hpp"

namespace gman::cli {
namespace {

constexpr std::string_view default_servers = "127.0.0.1:4730";
constexpr std::array commands =
    std::to_array<std::string_view>({"do", "bg", "worker", "status", "workers", "ping", "admin",
#ifdef GMAN_WITH_SQL
                                     "sql",
#endif
                                     "bench", "version"});

/// The first word that is neither an option nor the list behind -s.
std::string_view command_word(std::span<char*> words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word == "-s" || word == "--servers") {
      ++i;
    } else if (!word.starts_with('-')) {
      return word;
    }
  }
  return {};
}

Exit refuse_command(std::string_view typed) {
  const std::string_view meant = nearest(typed, commands);
  return fail(Exit::usage, "", "unknown command \"" + printable(typed, 40) + '"',
              meant.empty() ? "see gman --help" : "did you mean " + std::string(meant) + '?');
}

Exit run(std::span<char*> words) {
  Invocation invocation;
  const char* from_environment = std::getenv("GMAN_SERVERS");
  const bool is_set = from_environment != nullptr && *from_environment != '\0';
  invocation.servers = is_set ? from_environment : std::string(default_servers);

  CLI::App app("Submit jobs to job servers, work for them, watch and administer them.", "gman");
  app.set_version_flag("--version", "gman " GMAN_VERSION, "Print the version and exit");
  app.require_subcommand(0, 1);
  app.get_formatter()->column_width(30);
  app.footer(
      "gman COMMAND --help explains a command and gives examples. Servers are chosen by -s, else "
      "by\n"
      "GMAN_SERVERS, else 127.0.0.1:4730 is asked; a client tries them in turn, a worker serves "
      "all.");
  add_servers_option(app, invocation);
  add_do(app, invocation);
  add_bg(app, invocation);
  add_worker(app, invocation);
  add_status(app, invocation);
  add_workers(app, invocation);
  add_ping(app, invocation);
  add_admin(app, invocation);
#ifdef GMAN_WITH_SQL
  add_sql(app, invocation);
#endif
  add_bench(app, invocation);
  add_version(app, invocation);

  const std::string_view typed = command_word(words.subspan(1));
  const bool is_known = std::ranges::find(commands, typed) != commands.end();
  if (!typed.empty() && !is_known) return refuse_command(typed);

  // A worker's program is not ours to understand: it may have options of its own.
  auto understood = words;
  if (typed == "worker") {
    const auto dashes = std::ranges::find(words, std::string_view("--"),
                                          [](const char* word) { return std::string_view(word); });
    understood = words.first(static_cast<std::size_t>(dashes - words.begin()));
    if (dashes != words.end()) invocation.program.assign(dashes + 1, words.end());
  }
  try {
    app.parse(static_cast<int>(understood.size()), understood.data());
  } catch (const CLI::ParseError& error) {
    const bool is_help = error.get_exit_code() == 0;
    if (is_help) return app.exit(error) == 0 ? Exit::done : Exit::other;
    const std::string of = is_known ? "gman " + std::string(typed) : "gman";
    return fail(Exit::usage, typed, error.what(), "see " + of + " --help");
  }
  if (!invocation.run) {
    say(app.help());
    return Exit::usage;
  }
  return invocation.run();
}

}  // namespace
}  // namespace gman::cli

int main(int argc, char** argv) {
  try {
    return static_cast<int>(gman::cli::run({argv, static_cast<std::size_t>(argc)}));
  } catch (const std::exception& error) {
    return static_cast<int>(gman::cli::fail(gman::cli::Exit::other, "", error.what()));
  }
}
