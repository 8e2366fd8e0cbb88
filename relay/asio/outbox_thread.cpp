// SPDX-License-Identifier: BSD-3-Clause
#include "relay/asio/outbox_thread.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

#include "base/assert.hpp"
#include "base/thread.hpp"

namespace gman::relay {

namespace {

std::optional<milliseconds> first_due(const Looked& looked) {
  std::optional<milliseconds> first;
  for (const DueGroup& group : looked.groups) {
    first = first ? std::min(*first, group.due_in) : group.due_in;
  }
  return first;
}

}  // namespace

OutboxThread::OutboxThread(std::string url, std::string relay, Listener listener)
    : url_(std::move(url)),
      relay_(std::move(relay)),
      listener_(std::move(listener)),
      wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (wake_fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  thread_ = start_thread([this] { run(); });
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

// Sleeps until there is a request; nullopt: it is time to look, or the database says something.
std::optional<OutboxRequest> OutboxThread::next() {
  const int notification_fd = watch_ && table_ ? table_->notification_fd() : -1;
  std::array<pollfd, 2> waits{pollfd{wake_fd_, POLLIN, 0}, pollfd{notification_fd, POLLIN, 0}};
  const int wait_ms = watch_ ? static_cast<int>(watch_->wait.count()) : -1;
  if (::poll(waits.data(), waits.size(), wait_ms) <= 0) return std::nullopt;
  if (waits[1].revents != 0) watch_->wait = watch_->look.wait_first;
  if (waits[0].revents == 0) return std::nullopt;
  eventfd_t ignored = 0;
  ::eventfd_read(wake_fd_, &ignored);
  const std::lock_guard lock(mutex_);
  return std::exchange(request_, std::nullopt);
}

void OutboxThread::run() {
  while (true) {
    const auto request = next();
    {
      const std::lock_guard lock(mutex_);
      if (is_ending_) return;
    }
    if (!request) {
      if (watch_) watch();
      continue;
    }
    watch_.reset();
    OutboxAnswer given = answer(*request);
    const auto* look = std::get_if<Look>(&*request);
    const auto* looked = std::get_if<Looked>(&given);
    if (look != nullptr && looked != nullptr) {
      const auto due_in = first_due(*looked);
      const bool is_due = due_in && *due_in <= milliseconds(0);
      if (!is_due)
        watch_ = Watch{*look, std::min(look->wait_first, due_in.value_or(look->wait_first))};
    }
    listener_.answered(std::move(given));
  }
}

OutboxAnswer OutboxThread::answer(const OutboxRequest& request) {
  if (std::holds_alternative<Open>(request)) {
    auto opened = open_outbox(url_, relay_);
    if (!opened) return OutboxFailure{opened.error().message};
    table_ = *std::move(opened);
  }
  if (!table_) return OutboxFailure{"the connection was lost"};
  OutboxAnswer answer = table_->answer(request);
  // A statement's failure may leave a transaction half done; a new connection has none.
  if (std::holds_alternative<OutboxFailure>(answer)) table_.reset();
  return answer;
}

void OutboxThread::watch() {
  table_->take_notifications();
  OutboxAnswer seen = answer(watch_->look);
  const auto* looked = std::get_if<Looked>(&seen);
  const auto due_in = looked != nullptr ? first_due(*looked) : std::nullopt;
  if (looked == nullptr || (due_in && *due_in <= milliseconds(0))) {
    watch_.reset();
    return listener_.noticed(std::move(seen));
  }
  watch_->wait = std::min(watch_->wait * 2, watch_->look.wait_max);
  if (due_in) watch_->wait = std::min(watch_->wait, *due_in);
}

}  // namespace gman::relay
