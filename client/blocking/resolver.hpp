// SPDX-License-Identifier: BSD-3-Clause
// Resolver: one look-up of a host name by c-ares, without blocking and without a thread.
//
// Numeric addresses are answered at once. Names go the way that nsswitch.conf says (/etc/hosts,
// DNS). The configuration is read anew for each look-up, which happens only when a connection is
// opened, so a changed resolv.conf is obeyed and no descriptor stays open in between.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/assert.hpp"
#include "base/time.hpp"
#include "client/blocking/epoll.hpp"

namespace gman {

/// An address to connect to.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t bytes = 0;
};

/// What a look-up found, or why it found nothing. Never an empty list.
using Addresses = std::variant<std::vector<SocketAddress>, std::string>;

/// The address in numbers, when `host` is one.
[[nodiscard]] std::optional<SocketAddress> numeric_address(const std::string& host,
                                                           std::uint16_t port);

class Resolver {
 public:
  /// Begins the look-up. `epoll` outlives the resolver. `dns_servers` ("address:port,…") replaces
  /// those of resolv.conf when it is not empty.
  Resolver(Epoll& epoll, const std::string& host, std::uint16_t port,
           const std::string& dns_servers = {});
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// A descriptor of this resolver, as its tag numbers it, reported an event.
  void on_event(const EpollEvent& event);
  /// Lets c-ares repeat queries whose time is up.
  void on_time();

  /// How long on_time() may be put off; nullopt: for ever.
  [[nodiscard]] std::optional<milliseconds> timeout() const;

  /// nullopt: not yet.
  [[nodiscard]] const std::optional<Addresses>& found() const { return found_; }
  /// Requires: something was found.
  [[nodiscard]] Addresses take() {
    GMAN_ASSERT(found_);
    return std::move(*found_);
  }

 private:
  struct Channel;
  std::unique_ptr<Channel> channel_;
  std::string host_;
  std::optional<Addresses> found_;
};

}  // namespace gman
