// SPDX-License-Identifier: BSD-3-Clause
// A descriptor that closes itself, and an epoll descriptor that tells what its registrations are.
#pragma once

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace gman {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~UniqueFd() { reset(); }

  void reset() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  [[nodiscard]] int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// Whose descriptor reported an event.
struct EpollTag {
  enum class Owner : std::uint32_t { connection, resolver };
  Owner owner{};
  std::uint32_t number = 0;  ///< a connection's server, or the resolver's descriptor
};

struct EpollEvent {
  EpollTag tag;
  bool is_readable = false;  ///< also at the end of the stream and after an error
  bool is_writable = false;
};

/// Level-triggered. Closing a descriptor ends its registration.
class Epoll {
 public:
  /// Throws std::system_error.
  Epoll();

  [[nodiscard]] int fd() const { return fd_.get(); }

  /// Registers `fd`, or changes for what. Throws std::system_error.
  void watch(int fd, EpollTag tag, bool readable, bool writable);
  void forget(int fd);

  /// What happened until now, without waiting. Valid until the next call.
  [[nodiscard]] std::span<const EpollEvent> poll();

 private:
  static constexpr std::size_t events_max = 32;
  UniqueFd fd_;
  std::array<EpollEvent, events_max> events_;
};

}  // namespace gman
