// SPDX-License-Identifier: BSD-3-Clause
// gman version: of this command; `gman admin version` asks a server.
#include "cli/invocation.hpp"
#include "cli/stream.hpp"

namespace gman::cli {

void add_version(CLI::App& app, Invocation& invocation) {
  auto* command = app.add_subcommand("version", "Print the version of this command");
  command->footer("A server tells its own: gman admin version");
  command->callback([&invocation] {
    invocation.run = [] {
      return write_output("version", "gman " GMAN_VERSION "\n") ? Exit::done : Exit::other;
    };
  });
}

}  // namespace gman::cli
