// SPDX-License-Identifier: BSD-3-Clause
// Gate: takes new connections from the listeners.
//
// When the process is out of descriptors, those who knock wait in the listeners' backlogs: the gate
// does not look again before a connection has closed or a second has passed. (A level-triggered
// listener that nobody can accept from would make the loop spin.)
#pragma once

#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "base/time.hpp"
#include "server/net/epoll.hpp"
#include "server/net/listener.hpp"

namespace gman {

class Gate {
 public:
  /// Listens from now on. Throws ListenError.
  Gate(std::vector<Listener> listeners, const ServerConfig& config, Epoll& epoll, Log& log);

  void announce() const;
  /// "127.0.0.1:4730 unix:/path".
  [[nodiscard]] std::string addresses() const;
  /// For connections that come from now on.
  void change(const ServerConfig& config);
  /// Takes what knocks at the listener of that number, and hands each `UniqueFd, PeerKind` in.
  template <class HandIn>
  void accept(std::uint64_t listener_number, Now now, HandIn hand_in) {
    if (listener_number >= listeners_.size()) return;
    const Listener& listener = listeners_[listener_number];
    for (int count = 0; count < accepts_per_turn_max; ++count) {
      UniqueFd socket(::accept4(listener.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!socket.is_open()) return accept_failed(errno, now);
      hand_in(std::move(socket), listener.kind());
    }
  }

  [[nodiscard]] std::optional<Instant> next_deadline() const { return retry_at_; }
  void retry_when_due(Now now) {
    if (retry_at_ && *retry_at_ <= now.steady) retry();
  }
  /// A connection has closed, or a second has passed: look again.
  void retry();
  void close();

 private:
  static constexpr int accepts_per_turn_max = 64;

  void accept_failed(int fault, Now now);
  void watch(std::uint32_t events);

  std::vector<Listener> listeners_;
  Epoll& epoll_;
  Log& log_;
  std::optional<Instant> retry_at_;  ///< set while nobody is let in
  Instant next_log_{};
};

}  // namespace gman
