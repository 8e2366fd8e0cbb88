// SPDX-License-Identifier: BSD-3-Clause
// Link: one connection of the generator. Packets in, bytes out; never waits.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "protocol/framing.hpp"

namespace gman::cli::load {

/// A descriptor that is closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

enum class Received : std::uint8_t { packets, ended, broken };

class Link {
 public:
  explicit Link(Descriptor socket) : socket_(std::move(socket)) {}

  [[nodiscard]] int fd() const { return socket_.get(); }

  /// Reads once and calls `take(packet)` for each packet that is complete. `scratch` is room for
  /// what comes, shared by all links.
  template <class Take>
  [[nodiscard]] Received receive(std::string& scratch, Take&& take) {
    constexpr std::size_t read_bytes = 256u << 10;
    const std::size_t kept = half_.size();
    if (scratch.size() < kept + read_bytes) scratch.resize(kept + read_bytes);
    const ssize_t got = ::recv(fd(), scratch.data() + kept, scratch.size() - kept, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return Received::packets;
    if (got <= 0) return Received::ended;
    half_.copy(scratch.data(), kept);
    std::string_view bytes(scratch.data(), kept + static_cast<std::size_t>(got));
    while (true) {
      const auto frame = next_frame(bytes);
      if (!frame) return Received::broken;
      if (!*frame) break;
      const auto* packet = std::get_if<Packet>(&(*frame)->unit);
      if (packet == nullptr || packet->magic != Magic::res) return Received::broken;
      take(*packet);
      bytes.remove_prefix((*frame)->bytes);
    }
    half_.assign(bytes);
    return Received::packets;
  }

  /// Sends what it can and keeps the rest. False: the peer is gone.
  [[nodiscard]] bool send(std::string_view bytes) {
    if (unsent_.empty()) {
      const auto sent = send_some(bytes);
      if (sent < 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    unsent_.append(bytes);
    return true;
  }
  /// The kept rest, when there is room again.
  [[nodiscard]] bool flush() {
    const auto sent = send_some(unsent_);
    if (sent < 0) return false;
    unsent_.erase(0, static_cast<std::size_t>(sent));
    return true;
  }
  [[nodiscard]] bool is_blocked() const { return !unsent_.empty(); }

 private:
  [[nodiscard]] ssize_t send_some(std::string_view bytes) const {
    const ssize_t sent = ::send(fd(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS)) return 0;
    return sent;
  }

  Descriptor socket_;
  std::string half_;    ///< the beginning of a packet
  std::string unsent_;  ///< what the socket did not take yet
};

}  // namespace gman::cli::load
