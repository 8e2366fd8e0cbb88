// SPDX-License-Identifier: BSD-3-Clause
#include "relay/asio/outbox_thread.hpp"

#include <utility>

#include "base/thread.hpp"

namespace gman::relay {

OutboxThread::OutboxThread(std::string url, std::string relay, Listener listener)
    : url_(std::move(url)), relay_(std::move(relay)), listener_(std::move(listener)) {
  thread_ = start_thread([this] { run(); });
}

OutboxThread::~OutboxThread() {
  box_.close();
  thread_.join();
}

// Sleeps until there is a request; nullopt: it is time to look, or the database says something.
std::optional<LeaseRequest> OutboxThread::next() {
  const int notification_fd = watch_ && table_ ? table_->notification_fd() : -1;
  auto woken = box_.wait(watch_ ? std::optional(watch_->wait()) : std::nullopt, notification_fd);
  if (woken.is_notified) watch_->begin_again();
  return std::move(woken.request);
}

void OutboxThread::run() {
  while (true) {
    const auto request = next();
    if (box_.is_closed()) return;
    if (!request) {
      if (watch_) watch();
      continue;
    }
    watch_.reset();
    LeaseAnswer given = answer(*request);
    const auto* look = std::get_if<Look>(&*request);
    const auto* looked = std::get_if<Looked>(&given);
    if (look != nullptr && looked != nullptr) watch_ = Watch::after(*look, *looked);
    listener_.answered(std::move(given));
  }
}

LeaseAnswer OutboxThread::answer(const LeaseRequest& request) {
  if (std::holds_alternative<Open>(request)) {
    auto opened = open_outbox(url_, relay_);
    if (!opened) return OutboxFailure{opened.error().message};
    table_ = *std::move(opened);
  }
  if (!table_) return OutboxFailure{"the connection was lost"};
  LeaseAnswer answer = table_->answer(request);
  // A statement's failure may leave a transaction half done; a new connection has none.
  if (std::holds_alternative<OutboxFailure>(answer)) table_.reset();
  return answer;
}

void OutboxThread::watch() {
  table_->take_notifications();
  LeaseAnswer seen = answer(watch_->look());
  const auto* looked = std::get_if<Looked>(&seen);
  if (looked != nullptr && watch_->goes_on(*looked)) return;
  watch_.reset();
  listener_.noticed(std::move(seen));
}

}  // namespace gman::relay
