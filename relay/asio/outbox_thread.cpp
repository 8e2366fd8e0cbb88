// SPDX-License-Identifier: BSD-3-Clause
#include "relay/asio/outbox_thread.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <memory>
#include <system_error>
#include <utility>

#include "base/assert.hpp"
#include "relay/asio/outbox_table.hpp"

namespace gman::relay {

OutboxThread::OutboxThread(std::string url, std::string relay, Listener listener)
    : url_(std::move(url)),
      relay_(std::move(relay)),
      listener_(std::move(listener)),
      wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (wake_fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  // Signals are for the thread that has the loop.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

OutboxThread::~OutboxThread() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  ::eventfd_write(wake_fd_, 1);
  thread_.join();
  ::close(wake_fd_);
}

void OutboxThread::ask(OutboxRequest request) {
  {
    const std::lock_guard lock(mutex_);
    GMAN_ASSERT(!request_.has_value());
    request_ = std::move(request);
  }
  ::eventfd_write(wake_fd_, 1);
}

std::optional<OutboxRequest> OutboxThread::next(int notification_fd, bool& is_notified) {
  is_notified = false;
  std::array<pollfd, 2> waits{pollfd{wake_fd_, POLLIN, 0}, pollfd{notification_fd, POLLIN, 0}};
  ::poll(waits.data(), waits.size(), -1);
  is_notified = waits[1].revents != 0;
  eventfd_t ignored = 0;
  ::eventfd_read(wake_fd_, &ignored);
  const std::lock_guard lock(mutex_);
  return std::exchange(request_, std::nullopt);
}

void OutboxThread::run() {
  std::unique_ptr<OutboxTable> table;
  while (true) {
    bool is_notified = false;
    const auto request = next(table ? table->notification_fd() : -1, is_notified);
    {
      const std::lock_guard lock(mutex_);
      if (is_ending_) return;
    }
    if (is_notified && table->take_notifications()) listener_.notified();
    if (!request) continue;
    if (std::holds_alternative<Open>(*request)) {
      auto opened = open_outbox(url_, relay_);
      if (!opened) {
        listener_.answered(OutboxFailure{opened.error().message});
        continue;
      }
      table = *std::move(opened);
    }
    GMAN_ASSERT(table != nullptr);
    OutboxAnswer answer = table->answer(*request);
    // A statement's failure may leave a transaction half done; a new connection has none.
    if (std::holds_alternative<OutboxFailure>(answer)) table.reset();
    listener_.answered(std::move(answer));
  }
}

}  // namespace gman::relay
