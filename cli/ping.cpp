// SPDX-License-Identifier: BSD-3-Clause
// gman ping: whether each server answers, and how fast.
#include <gman/client.hpp>

#include <cstdio>

#include "cli/invocation.hpp"
#include "cli/stream.hpp"

namespace gman::cli {
namespace {

constexpr std::string_view name = "ping";

std::string milliseconds_text(double milliseconds) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%.3f ms", milliseconds);
  return text.data();
}

Exit run(const Invocation& invocation) {
  const auto servers = servers_of(invocation, name);
  if (const auto* exit = std::get_if<Exit>(&servers)) return *exit;
  const InterruptGuard guard;
  Exit exit = Exit::done;
  for (const ServerAddress& server : std::get<std::vector<ServerAddress>>(servers)) {
    // One client for each, since a client is content with the first server that answers.
    ClientSettings settings;
    settings.servers = server.name;
    Client client(settings);
    client.set_interrupt(is_interrupted);
    const auto answer = client.ping();
    if (is_interrupted()) return Exit::interrupted;
    if (const auto* error = std::get_if<Error>(&answer)) {
      exit = fail(Exit::unreachable, name, error->message, error->hint);
      continue;
    }
    const auto& ping = std::get<PingAnswer>(answer);
    if (!write_output(name, ping.server + ' ' + milliseconds_text(ping.round_trip_ms) + '\n')) {
      return Exit::other;
    }
  }
  return exit;
}

}  // namespace

void add_ping(CLI::App& app, Invocation& invocation) {
  auto* command = app.add_subcommand(std::string(name), "Measure a round trip to each server");
  add_servers_option(*command, invocation);
  command->footer(
      "Exit codes: 0 every server answered; 2 wrong usage; 3 one did not.\n"
      "\nExamples:\n"
      "  gman ping\n"
      "  gman ping -s db1,db2,unix:/run/gmand.sock");
  command->callback([&invocation] { invocation.run = [&invocation] { return run(invocation); }; });
}

}  // namespace gman::cli
