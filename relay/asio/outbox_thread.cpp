// SPDX-License-Identifier: BSD-3-Clause
#include "relay/asio/outbox_thread.hpp"

#include <algorithm>
#include <utility>

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
  auto woken = box_.wait(watch_ ? std::optional(watch_->wait) : std::nullopt, notification_fd);
  if (woken.is_notified) watch_->wait = watch_->look.wait_first;
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
    if (look != nullptr && looked != nullptr) {
      const auto due_in = first_due(*looked);
      const bool is_due = due_in && *due_in <= milliseconds(0);
      if (!is_due)
        watch_ = Watch{*look, std::min(look->wait_first, due_in.value_or(look->wait_first))};
    }
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
  LeaseAnswer seen = answer(watch_->look);
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
