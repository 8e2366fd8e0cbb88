// SPDX-License-Identifier: BSD-3-Clause
#include "cli/invocation.hpp"

namespace gman::cli {

void add_servers_option(CLI::App& command, Invocation& invocation) {
  command
      .add_option("-s,--servers", invocation.servers,
                  "Job servers: host:port,host,unix:/path (or GMAN_SERVERS)")
      ->type_name("LIST")
      ->default_str(invocation.servers);
}

std::variant<std::vector<ServerAddress>, Exit> servers_of(const Invocation& invocation,
                                                          std::string_view command) {
  auto parsed = parse_server_list(invocation.servers);
  if (const auto* error = std::get_if<ServerListError>(&parsed)) {
    return fail(Exit::usage, command, error->message);
  }
  auto& servers = std::get<std::vector<ServerAddress>>(parsed);
  if (servers.empty()) {
    return fail(Exit::usage, command, "no job server is given", "use -s or GMAN_SERVERS");
  }
  return std::move(servers);
}

}  // namespace gman::cli
