// SPDX-License-Identifier: BSD-3-Clause
// Connector: from a server's address to a connected socket, without blocking.
//
// A name may have several addresses (localhost is ::1 and 127.0.0.1). They are tried in turn, each
// for its share of the time, so that one that swallows packets does not hide the next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/time.hpp"
#include "client/blocking/epoll.hpp"
#include "client/blocking/resolver.hpp"
#include "client/fsm/server_list.hpp"

namespace gman {

/// "connection refused": the system's words for `error`, as the end of a sentence.
[[nodiscard]] std::string reason_of(int error);

class Connector {
 public:
  /// `server` numbers the socket's registration with `epoll`, which outlives the connector.
  Connector(Epoll& epoll, std::uint32_t server, const ServerAddress& address,
            milliseconds connect_timeout);

  /// Events of the socket and of the look-up.
  void on_event(const EpollEvent& event);

  [[nodiscard]] bool is_looking_up() const { return resolver_ != nullptr; }

  /// Goes on as far as that is possible: the socket, registered for reading, or the reason why
  /// there is none, or nullopt: not yet.
  [[nodiscard]] std::optional<std::variant<UniqueFd, std::string>> step(Instant now);

  /// When to step at the latest, if no event comes.
  [[nodiscard]] std::optional<Instant> wake_at(Instant now) const;

 private:
  enum class Attempt : std::uint8_t { connected, pending, failed };

  [[nodiscard]] Attempt begin(Instant now);
  [[nodiscard]] Attempt connect(Instant now);
  [[nodiscard]] Attempt go_on(Instant now);
  [[nodiscard]] Attempt fail(const std::string& reason);

  Epoll& epoll_;
  EpollTag tag_;
  milliseconds connect_timeout_;
  std::unique_ptr<Resolver> resolver_;  // while the name is looked up
  std::vector<SocketAddress> addresses_;
  std::size_t address_at_ = 0;
  std::string reasons_;  // why the addresses before address_at_ failed

  // The attempt on address_at_.
  UniqueFd socket_;
  bool is_ready_ = false;
  Instant give_up_at_{};
  std::optional<Instant> connect_again_at_;
};

}  // namespace gman
