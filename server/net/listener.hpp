// SPDX-License-Identifier: BSD-3-Clause
// Listener: a socket that accepts, on a TCP address or a Unix path. It has the address from the
// start, and accepts once it is told to listen.
//
// What cannot be listened on is a ListenError with one clear line; it is thrown before the server
// serves anybody.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "server/config.hpp"
#include "server/net/session.hpp"
#include "server/net/unique_fd.hpp"

namespace gman {

class ListenError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Listener {
 public:
  Listener(Listener&&) noexcept = default;
  Listener& operator=(Listener&&) = delete;
  /// A Unix socket's file goes with its listener, unless somebody has put another in its place.
  ~Listener();

  /// `is_any_free`: nobody named the port, be it 0 or the one that another address has got for it.
  [[nodiscard]] static Result<Listener> on_tcp(const sockaddr& address, socklen_t address_bytes,
                                               const ServerConfig& config, bool is_any_free);
  /// Replaces a file that a dead server left behind. Throws ListenError.
  [[nodiscard]] static Listener on_unix_socket(const std::string& path, std::uint32_t mode);
  /// A socket that listens already, for the service manager opened it; its file is not ours.
  /// Throws ListenError when it is anything else.
  [[nodiscard]] static Listener of_passed(UniqueFd socket, const ServerConfig& config);

  /// Lets clients knock: until now they were refused. Throws ListenError.
  void listen(std::uint32_t backlog) const;
  /// Sets what may change while it listens: keepalive and backlog.
  void change(const ServerConfig& config) const;

  [[nodiscard]] int fd() const { return socket_.get(); }
  [[nodiscard]] PeerKind kind() const { return kind_; }
  /// "127.0.0.1:4730", "[::1]:4730" or "unix:/path".
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// Of the Unix socket's file that goes with this listener; empty: there is none.
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  Listener(UniqueFd socket, PeerKind kind) : socket_(std::move(socket)), kind_(kind) {}

  void learn_tcp_address();

  UniqueFd socket_;
  std::string address_;
  std::string path_;  ///< of the Unix socket's file, which is this device and inode
  dev_t device_{};
  ino_t inode_{};
  std::uint16_t port_ = 0;
  PeerKind kind_;
};

/// What the service manager passed, then all that the configuration asks for, the Unix socket last.
/// Passed sockets take the place of the default addresses. Throws ListenError.
[[nodiscard]] std::vector<Listener> open_listeners(const ServerConfig& config,
                                                   std::vector<UniqueFd> passed = {});

/// The peer's address without its port, as the admin command `workers` shows it.
[[nodiscard]] std::string peer_address(int fd);

}  // namespace gman
