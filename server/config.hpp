// SPDX-License-Identifier: BSD-3-Clause
// What an operator may decide about a gmand, on the command line or in a file.
//
// Names and short forms are gearmand's where gearmand has the option; server/config/option.cpp has
// the table of them all. A mistake is one clear line and exit status 2, before anything is opened.
// docs/GMAND.md is the operator's manual.
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
#include "server/config/gearmand_queue.hpp"
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
  /// Empty: the sockets that the service manager passed, else the loopback addresses of IPv4 and,
  /// where the machine has it, of IPv6. Exposing a server that authenticates nobody must be a
  /// decision.
  std::vector<ListenAddress> listen;
  /// Of every address that names none itself. 0: a free one, the same for all of them.
  std::uint16_t port = default_port;
  /// How many may knock before they are let in. The system cuts it to net.core.somaxconn.
  std::uint32_t backlog = 4096;

  /// Path of the Unix socket; empty: none. Only here is the admin command `shutdown` obeyed.
  std::string unix_socket;
  /// Owner and group may connect: whoever can connect can shut the server down.
  std::uint32_t unix_socket_mode = 0660;

  /// Of TCP connections, so that peers that vanished are noticed. -1: the system's figure.
  bool keepalive = true;
  std::int32_t keepalive_idle_seconds = -1;
  std::int32_t keepalive_interval_seconds = -1;
  std::int32_t keepalive_count = -1;

  /// Go on in the background once clients can connect.
  bool daemon = false;
  /// Whom to become once the sockets are open; empty: nobody else.
  std::string user;
  std::string pid_file;
  /// 0: as many as the system allows.
  std::uint32_t file_descriptors = 0;
  bool coredump = false;

  LogLevel verbosity = LogLevel::info;
  /// A path, "stderr" or "none". SIGHUP opens the path again.
  std::string log_file = "stderr";
  LogFormat log_format = LogFormat::text;
  bool syslog = false;
  std::string syslog_socket = "/dev/log";

  /// Handles begin with it; empty: "H:" and the host's name.
  std::string job_handle_prefix;
  /// Where background jobs outlive the process, as "sqlite:/path"; "memory:": nowhere; empty: where
  /// `queue` says.
  std::string store;
  /// gearmand's names for such places.
  config::GearmandQueue queue;
  /// Functions whose jobs are in memory only, all the same.
  std::vector<std::string> memory_functions;
  /// Of workloads that the store has and that stay in memory as well, before the rest is left in
  /// the store alone until it is needed. 0: no limit.
  std::uint64_t workload_memory_bytes_max = std::uint64_t{1} << 30;
  /// How long a client waits for a store that fails before it is told so.
  std::chrono::milliseconds store_patience{10'000};
  /// How long gman-relay's uniques are recognised after their jobs have ended, and how many.
  std::chrono::milliseconds unique_window{600'000};
  std::uint32_t unique_window_max = 1'000'000;
  /// Attempts a job gets before it fails when its workers go away under it. 0: no limit.
  std::uint32_t attempts_max = 0;
  /// What becomes of a job whose CAN_DO_TIMEOUT is up.
  TimeoutAction timeout_action = TimeoutAction::requeue;
  /// Sends WORK_EXCEPTION to every client, whether it asked by OPTION_REQ or not.
  bool exceptions_for_all = false;
  /// How long SIGTERM waits for running jobs.
  std::chrono::milliseconds drain{10'000};

  /// Jobs that may wait, in all functions together and in each that `maxqueue` says nothing of.
  /// 0: no limit.
  std::uint64_t jobs_max = 0;
  std::uint32_t queue_max = 0;
  /// Of jobs: their records, names and workloads. 0: no limit.
  std::uint64_t memory_bytes_max = 0;
  /// 0: no limit but the system's. The Unix socket has unix_connections_reserve more.
  std::uint32_t connections_max = 0;
  /// Of a packet, its header not counted.
  std::uint32_t packet_bytes_max = body_bytes_max;
  /// Unsent output a connection may hold. Above it the connection is closed, `slow_consumer`.
  std::uint64_t output_bytes_max = std::uint64_t{256} << 20;
  /// A peer that takes no byte of its output for so long is closed.
  std::chrono::milliseconds output_stall{300'000};
  /// A packet that was begun must go on: at least half_packet_progress_bytes within each such time,
  /// or its end.
  std::chrono::milliseconds half_packet{60'000};

  /// Options of gearmand that are accepted and change nothing; nullopt: not given.
  std::optional<std::int64_t> threads;
  std::optional<std::int64_t> worker_wakeup;
  std::optional<std::int64_t> hashtable_buckets;
  std::optional<bool> round_robin;

  /// What is wrong with it, as a sentence; nullopt: nothing.
  [[nodiscard]] std::optional<std::string> mistake() const;
  /// What `store` and `queue` come to.
  // Requires: there is no mistake in it.
  [[nodiscard]] config::StorePlace store_place() const;
};

/// An operator can get in by the Unix socket when others have taken all of connections_max.
inline constexpr std::uint32_t unix_connections_reserve = 16;

/// The command line asked for no server: --help, --version and --check-config (status 0), or a
/// mistake (2).
struct CommandLineEnd {
  int status = 0;
  std::string text;
};

/// The command line, before it the file that it names, before that the environment: the first of
/// them that says something about an option decides.
[[nodiscard]] std::variant<ServerConfig, CommandLineEnd> parse_command_line(
    int argc, const char* const* argv);

}  // namespace gman
