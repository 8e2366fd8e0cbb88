// SPDX-License-Identifier: BSD-3-Clause
// RequestBox: where a thread that serves a database finds its next request, and sleeps until there
// is one. The loop puts it there.
#pragma once

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <mutex>
#include <optional>
#include <system_error>
#include <utility>

#include "base/assert.hpp"
#include "base/time.hpp"

namespace gman::relay {

template <class Request>
class RequestBox {
 public:
  RequestBox() : wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (wake_fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  }
  RequestBox(const RequestBox&) = delete;
  RequestBox& operator=(const RequestBox&) = delete;
  ~RequestBox() { ::close(wake_fd_); }

  // Requires: the request before was taken.
  void put(Request request) {
    {
      const std::lock_guard lock(mutex_);
      GMAN_ASSERT(!request_.has_value());
      request_ = std::move(request);
    }
    ::eventfd_write(wake_fd_, 1);
  }

  /// The thread is to end.
  void close() {
    {
      const std::lock_guard lock(mutex_);
      is_closed_ = true;
    }
    ::eventfd_write(wake_fd_, 1);
  }
  [[nodiscard]] bool is_closed() const {
    const std::lock_guard lock(mutex_);
    return is_closed_;
  }

  struct Woken {
    std::optional<Request> request;
    bool is_notified = false;  ///< the other descriptor is readable
  };
  /// Sleeps until there is a request, or the time is over (nullopt: never), or `other_fd` (-1:
  /// none) is readable, or the box is closed.
  [[nodiscard]] Woken wait(std::optional<milliseconds> time, int other_fd = -1) {
    std::array<pollfd, 2> waits{pollfd{wake_fd_, POLLIN, 0}, pollfd{other_fd, POLLIN, 0}};
    const int wait_ms = time ? static_cast<int>(time->count()) : -1;
    if (::poll(waits.data(), waits.size(), wait_ms) <= 0) return {};
    Woken woken{.request = std::nullopt, .is_notified = waits[1].revents != 0};
    if (waits[0].revents == 0) return woken;
    eventfd_t ignored = 0;
    ::eventfd_read(wake_fd_, &ignored);
    const std::lock_guard lock(mutex_);
    woken.request = std::exchange(request_, std::nullopt);
    return woken;
  }

 private:
  int wake_fd_;
  mutable std::mutex mutex_;
  std::optional<Request> request_;  // behind mutex_, as the next
  bool is_closed_ = false;
};

}  // namespace gman::relay
