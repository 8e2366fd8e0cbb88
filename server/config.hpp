// SPDX-License-Identifier: BSD-3-Clause
// What an operator may decide about a gmand, and how it is said on the command line.
//
// Names and short forms are gearmand's where gearmand has the option. A mistake is one clear line
// and exit status 2, before anything is opened.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/log.hpp"
#include "protocol/limits.hpp"
#include "server/engine/engine.hpp"

namespace gman {

/// Exit status of a command line or a configuration that cannot be obeyed.
inline constexpr int exit_bad_config = 2;

struct ListenAddress {
  std::string host;  ///< "127.0.0.1", "::1", "0.0.0.0" or a name
  /// nullopt: ServerConfig::port.
  std::optional<std::uint16_t> port;

  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

/// "HOST", "HOST:PORT", "[IPV6]:PORT" or a bare IPv6 address. nullopt: none of these.
[[nodiscard]] std::optional<ListenAddress> parse_listen_address(std::string_view text);

struct ServerConfig {
  /// Empty: the loopback addresses of IPv4 and, where the machine has it, of IPv6. Exposing a
  /// server that authenticates nobody must be a decision.
  std::vector<ListenAddress> listen;
  /// Of every address that names none itself. 0: a free one, the same for all of them.
  std::uint16_t port = default_port;

  /// Path of the Unix socket; empty: none. Only here is the admin command `shutdown` obeyed.
  std::string unix_socket;
  /// Owner and group may connect: whoever can connect can shut the server down.
  std::uint32_t unix_socket_mode = 0660;

  LogLevel verbosity = LogLevel::info;
  /// A path, "stderr" or "none". SIGHUP opens the path again.
  std::string log_file = "stderr";
  LogFormat log_format = LogFormat::text;

  /// Attempts a job gets before it fails when its workers go away under it. 0: no limit.
  std::uint32_t attempts_max = 0;
  /// What becomes of a job whose CAN_DO_TIMEOUT is up.
  TimeoutAction timeout_action = TimeoutAction::requeue;
  /// Sends WORK_EXCEPTION to every client, whether it asked by OPTION_REQ or not.
  bool exceptions_for_all = false;

  /// How long SIGTERM waits for running jobs.
  std::chrono::milliseconds drain{10'000};
  /// A packet that was begun must go on: at least half_packet_progress_bytes within each such time,
  /// or its end.
  std::chrono::milliseconds half_packet{60'000};
  /// A peer that takes no byte of its output for so long is closed.
  std::chrono::milliseconds output_stall{300'000};
  /// Unsent output a connection may hold. Above it the connection is closed, `slow_consumer`.
  std::size_t output_bytes_max = std::size_t{256} << 20;

  /// What is wrong with it, as a sentence; nullopt: nothing.
  [[nodiscard]] std::optional<std::string> mistake() const;
};

/// The command line asked for no server: --help and --version (status 0), or a mistake (2).
struct CommandLineEnd {
  int status = 0;
  std::string text;
};

[[nodiscard]] std::variant<ServerConfig, CommandLineEnd> parse_command_line(
    int argc, const char* const* argv);

}  // namespace gman
