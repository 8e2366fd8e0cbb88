// SPDX-License-Identifier: BSD-3-Clause
// What a command line comes to: a subcommand with its options, ready to run.
//
// Each subcommand has one file, which describes its options to CLI11 (add_...) and does its work.
// The work begins only after the whole line has been understood.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "cli/exit.hpp"
#include "client/fsm/server_list.hpp"

namespace gman::cli {

struct Invocation {
  /// As given by -s, else by GMAN_SERVERS, else the local server.
  std::string servers;
  /// The words after "--", exactly as they were typed.
  std::vector<std::string> program;
  std::function<Exit()> run;
};

void add_do(CLI::App& app, Invocation& invocation);
void add_bg(CLI::App& app, Invocation& invocation);
void add_worker(CLI::App& app, Invocation& invocation);
void add_status(CLI::App& app, Invocation& invocation);
void add_workers(CLI::App& app, Invocation& invocation);
void add_ping(CLI::App& app, Invocation& invocation);
void add_admin(CLI::App& app, Invocation& invocation);
void add_sql(CLI::App& app, Invocation& invocation);
void add_bench(CLI::App& app, Invocation& invocation);
void add_version(CLI::App& app, Invocation& invocation);

/// -s/--servers, which every command that talks to a server has.
void add_servers_option(CLI::App& command, Invocation& invocation);

/// The list, or how the command ends when it is none.
[[nodiscard]] std::variant<std::vector<ServerAddress>, Exit> servers_of(
    const Invocation& invocation, std::string_view command);

}  // namespace gman::cli
