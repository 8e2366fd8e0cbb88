// SPDX-License-Identifier: BSD-3-Clause
// gmand's life, in order.
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <variant>

#include "base/log.hpp"
#include "server/config.hpp"
#include "server/engine/engine.hpp"
#include "server/net/handle_prefix.hpp"
#include "server/net/listener.hpp"
#include "server/net/log_file.hpp"
#include "server/net/server.hpp"

namespace {

int refuse(const std::string& what) {
  std::fprintf(stderr, "gmand: %s\n", what.c_str());
  return gman::exit_bad_config;
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "gmand";
}

std::uint64_t random_number() {
  std::random_device random;
  return std::uint64_t{random()} << 32 | random();
}

// As many connections as the system allows this process.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// Memory of a large packet goes back to the system when it is freed. (Left to itself, glibc raises
// the size from which it does so to that of the largest block it has seen.)
void give_large_blocks_back() {
  constexpr int large_block_bytes = 256 << 10;
  ::mallopt(M_MMAP_THRESHOLD, large_block_bytes);
  ::mallopt(M_TRIM_THRESHOLD, large_block_bytes);
}

}  // namespace

int main(int argc, char** argv) {
  const auto parsed = gman::parse_command_line(argc, argv);
  if (const auto* end = std::get_if<gman::CommandLineEnd>(&parsed)) {
    std::fputs(end->text.c_str(), end->status == 0 ? stdout : stderr);
    return end->status;
  }
  const auto& config = std::get<gman::ServerConfig>(parsed);

  // Beyond this point the configuration is known to be sound.

  std::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  give_large_blocks_back();
  auto log_file = gman::LogFile::open(config.log_file);
  if (!log_file) {
    return refuse("cannot open the log file " + config.log_file + ": " +
                  log_file.error().message());
  }
  gman::Log log(log_file->fd(), config.verbosity, config.log_format);

  // Beyond this point there is a log, and what goes wrong with a connection goes there.

  gman::Engine engine({
      .handle_prefix = gman::handle_prefix(host_name(), std::chrono::system_clock::now()),
      .attempts_max = config.attempts_max,
      .timeout_action = config.timeout_action,
      .exceptions_for_all = config.exceptions_for_all,
      .hash_seed = random_number(),
  });
  try {
    gman::Server server(config, engine, gman::open_listeners(config), log, *log_file);

    // Beyond this point clients can connect, and no mistake of theirs ends the server.

    server.run();
  } catch (const gman::ListenError& error) {
    return refuse(error.what());
  }
  return 0;
}
