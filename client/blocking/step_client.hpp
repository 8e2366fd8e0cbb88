// SPDX-License-Identifier: BSD-3-Clause
// StepClient: drives CallFsm over sockets, a step at a time, never waiting. What gman.h shows in C.
//
// One epoll descriptor stands for every socket and name look-up. A server has at most one
// connection, which is kept after a call that left it in step with the protocol; a call that wants
// one of its own has it beside those, and it ends with the call. Nothing may
// arrive on a kept connection, so any event on it means that it is closed or of no use: before each
// call such connections are dropped, which leaves only the race with a server that closes at that
// very moment (see call_fsm.hpp for what it may cost).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gman/error.hpp>

#include "base/time.hpp"
#include "client/blocking/connector.hpp"
#include "client/blocking/epoll.hpp"
#include "client/fsm/call_fsm.hpp"
#include "client/fsm/server_choice.hpp"

namespace gman {

/// What is known of a server without asking it. The texts live until the next call begins.
struct ServerKnown {
  const std::string& name;
  bool is_connected = false;
  milliseconds left_alone_for{0};
  const std::string* last_error = nullptr;
};

/// Since the client was made.
struct ClientCounters {
  std::uint64_t connections = 0;
  std::uint64_t jobs_sent = 0;
  std::uint64_t jobs_failed = 0;
};

class StepClient {
 public:
  /// Throws std::system_error when there is no descriptor for epoll.
  StepClient() = default;
  StepClient(const StepClient&) = delete;
  StepClient& operator=(const StepClient&) = delete;

  /// Requires: no call is running.
  void configure(std::vector<ServerAddress> servers, milliseconds retry_after);

  /// Starts a call and goes as far as possible; true when it has ended.
  /// Requires: no call is running.
  [[nodiscard]] bool start(const Call& call, const CallLimits& limits);
  /// True when the call has ended. Requires: a call is running.
  [[nodiscard]] bool step();
  /// Requires: a call is running.
  void cancel();
  /// Drops a running call and its connection without a word, after an exception.
  void abandon();

  [[nodiscard]] bool is_running() const { return is_running_; }
  [[nodiscard]] int fd() const { return epoll_.fd(); }
  /// When to step at the latest, if the descriptor does not become readable before.
  [[nodiscard]] std::optional<Instant> wake_at() const;

  /// Of the last call; null before the first.
  [[nodiscard]] const CallFsm* call() const { return call_ ? &*call_ : nullptr; }

  [[nodiscard]] std::size_t servers() const { return choice_.servers().size(); }
  /// Requires: server < servers().
  [[nodiscard]] ServerKnown known_of(std::size_t server) const;
  [[nodiscard]] const ClientCounters& counters() const { return counters_; }

 private:
  struct Connection {
    UniqueFd socket;
    bool is_watched_for_writing = false;
    bool is_readable = false;
    bool is_writable = true;
    int send_error = 0;
    Agreements agreements{};
  };

  [[nodiscard]] bool go_on(Action action);
  [[nodiscard]] std::optional<CallEvent> open();
  [[nodiscard]] std::optional<CallEvent> transfer();
  [[nodiscard]] std::optional<CallEvent> send(Connection& connection);
  [[nodiscard]] std::optional<CallEvent> receive(Connection& connection);
  void watch(std::size_t slot, bool for_writing);
  void watch_connection_in_use();
  void dispatch_events();
  void close_connection();
  void end();

  Epoll epoll_;
  ServerChoice choice_;
  std::vector<std::optional<Connection>> connections_;  // by server, and one call's own at the end
  milliseconds connect_timeout_{};
  std::optional<CallFsm> call_;
  bool is_running_ = false;
  std::uint32_t attempt_ = 0;          // the call's, that connector_ or in_use_ belongs to
  std::optional<std::size_t> in_use_;  // of connections_, the one that the call holds
  std::unique_ptr<Connector> connector_;
  ClientCounters counters_;
};

}  // namespace gman
