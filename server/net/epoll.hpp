// SPDX-License-Identifier: BSD-3-Clause
// Epoll: the set of all sockets of the server, level-triggered.
//
// It is itself a descriptor that Asio waits for. So one turn of the loop sees every socket that is
// ready, and a socket costs Asio nothing: Asio's own wait for readiness is one more system call
// and one more queued operation per socket and turn.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <span>
#include <system_error>

#include "server/net/unique_fd.hpp"

namespace gman {

class Epoll {
 public:
  static constexpr std::size_t events_per_turn_max = 512;

  Epoll() : set_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (!set_.is_open()) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  }

  [[nodiscard]] int fd() const { return set_.get(); }

  /// False when the system has no more room for it.
  [[nodiscard]] bool add(int fd, std::uint32_t events, std::uint64_t tag) {
    return control(EPOLL_CTL_ADD, fd, events, tag);
  }
  void change(int fd, std::uint32_t events, std::uint64_t tag) {
    control(EPOLL_CTL_MOD, fd, events, tag);
  }
  /// Closing it does that as well.
  void remove(int fd) { control(EPOLL_CTL_DEL, fd, 0, 0); }

  /// What is ready now, without waiting.
  [[nodiscard]] std::span<const epoll_event> ready() {
    const int count = ::epoll_wait(set_.get(), events_.data(), static_cast<int>(events_.size()), 0);
    return {events_.data(), static_cast<std::size_t>(count > 0 ? count : 0)};
  }

 private:
  bool control(int operation, int fd, std::uint32_t events, std::uint64_t tag) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = tag;
    return ::epoll_ctl(set_.get(), operation, fd, &event) == 0;
  }

  UniqueFd set_;
  std::array<epoll_event, events_per_turn_max> events_{};
};

}  // namespace gman
