// SPDX-License-Identifier: BSD-3-Clause
// gman-relay: ships the jobs of database outboxes to job servers.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>

#include "relay/asio/config.hpp"
#include "relay/asio/driver.hpp"
#include "relay/asio/stats.hpp"

int main(int argc, char** argv) {
  using namespace gman::relay;
  try {
    const auto read = read_config(argc, argv);
    if (const auto* end = std::get_if<ConfigEnd>(&read)) {
      std::fputs(end->text.c_str(), end->exit_status == 0 ? stdout : stderr);
      return end->exit_status;
    }
    const Config& config = std::get<Config>(read);
    if (config.check_config) return 0;
    if (config.stats) return print_stats(config.from);
    std::signal(SIGPIPE, SIG_IGN);
    gman::Log log(STDERR_FILENO, config.verbosity, config.log_format);
    return Driver(config, log).run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gman-relay: %s\n", error.what());
    return 1;
  }
}
