// SPDX-License-Identifier: BSD-3-Clause
#include "client/blocking/step_client.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "base/assert.hpp"

namespace gman {
namespace {

/// So many sends and receives, then the caller gets a chance to be interrupted.
constexpr int transfers_per_step_max = 64;

Instant steady_now() {
  return std::chrono::steady_clock::now();
}

bool is_would_block(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

}  // namespace

void StepClient::configure(std::vector<ServerAddress> servers, milliseconds retry_after) {
  GMAN_ASSERT(!is_running_);
  const auto old_servers = choice_.servers();
  std::vector<std::optional<Connection>> old_connections(servers.size() + 1);
  choice_.configure(std::move(servers), retry_after);
  connections_.swap(old_connections);  // beyond this point connections_ fits the new list
  for (std::size_t i = 0; i < choice_.servers().size(); ++i) {
    const auto& where = choice_.servers()[i].where;
    const auto same = std::ranges::find(old_servers, where, &ServerAddress::where);
    if (same == old_servers.end()) continue;
    connections_[i].swap(old_connections[static_cast<std::size_t>(same - old_servers.begin())]);
    if (connections_[i]) watch(i, false);
  }
}

bool StepClient::start(const Call& call, const CallLimits& limits) {
  GMAN_ASSERT(!is_running_);
  dispatch_events();
  connect_timeout_ = limits.connect_timeout;
  call_.emplace(call, limits, choice_);
  is_running_ = true;
  attempt_ = 0;
  return go_on(call_->start(steady_now()));
}

bool StepClient::step() {
  GMAN_ASSERT(is_running_);
  dispatch_events();
  return go_on(call_->action());
}

void StepClient::cancel() {
  GMAN_ASSERT(is_running_);
  call_->cancel(steady_now());
  end();
}

void StepClient::abandon() {
  connector_.reset();
  close_connection();
  is_running_ = false;
}

std::optional<Instant> StepClient::wake_at() const {
  if (!is_running_) return std::nullopt;
  std::optional<Instant> due = call_->wake_at();
  if (connector_) {
    const auto connector_due = connector_->wake_at(steady_now());
    if (connector_due) due = due ? std::min(*due, *connector_due) : connector_due;
  }
  return due;
}

void StepClient::dispatch_events() {
  for (const EpollEvent& event : epoll_.poll()) {
    switch (event.tag.owner) {
      case EpollTag::Owner::resolver:
        if (connector_) connector_->on_event(event);
        break;
      case EpollTag::Owner::connection: {
        const std::size_t slot = event.tag.number;
        auto& connection = connections_.at(slot);
        if (in_use_ == slot && connection) {
          connection->is_readable |= event.is_readable;
          connection->is_writable |= event.is_writable;
        } else if (connection) {
          connection.reset();
        } else if (connector_) {
          connector_->on_event(event);
        }
        break;
      }
    }
  }
}

bool StepClient::go_on(Action action) {
  int transfers = 0;
  for (;;) {
    std::optional<CallEvent> event;
    switch (action) {
      case Action::open: event = open(); break;
      case Action::transfer:
        if (transfers++ < transfers_per_step_max) event = transfer();
        break;
      case Action::done: end(); return true;
    }
    const Instant now = steady_now();
    if (!event) {
      const auto due = call_->wake_at();
      if (!due || now < *due) {
        watch_connection_in_use();
        return false;
      }
      event = TimePassed{};
    }
    action = call_->resume(*event, now);
  }
}

std::optional<CallEvent> StepClient::open() {
  if (attempt_ != call_->attempt()) {
    connector_.reset();
    close_connection();
    attempt_ = call_->attempt();
  }
  const std::size_t server = call_->server();
  const std::size_t slot = call_->wants_own_connection() ? connections_.size() - 1 : server;
  auto& connection = connections_[slot];
  if (connection) {
    in_use_ = slot;
    return Opened{.is_reused = true, .agreements = connection->agreements};
  }
  if (!connector_) {
    connector_ = std::make_unique<Connector>(epoll_, static_cast<std::uint32_t>(slot),
                                             choice_.servers()[server], connect_timeout_);
  }
  const bool was_looking_up = connector_->is_looking_up();
  auto outcome = connector_->step(steady_now());
  if (!outcome) {
    if (was_looking_up && !connector_->is_looking_up()) return LookedUp{};
    return std::nullopt;
  }
  connector_.reset();
  if (auto* reason = std::get_if<std::string>(&*outcome)) return OpenFailed{std::move(*reason)};
  connection.emplace(Connection{.socket = std::get<UniqueFd>(std::move(*outcome))});
  in_use_ = slot;
  ++counters_.connections;
  return Opened{.is_reused = false};
}

// Answers are read first: a server that refuses a workload sends ERROR and closes, and its words
// are worth more than the error of our next send.
std::optional<CallEvent> StepClient::transfer() {
  Connection& connection = *connections_[*in_use_];
  if (connection.is_readable || connection.send_error != 0) {
    if (auto event = receive(connection)) return event;
  }
  if (connection.send_error != 0) return Broken{reason_of(connection.send_error)};
  if (connection.is_writable && !call_->unsent().empty()) return send(connection);
  return std::nullopt;
}

std::optional<CallEvent> StepClient::receive(Connection& connection) {
  const auto space = call_->read_space();
  const ssize_t count = ::recv(connection.socket.get(), space.data(), space.size(), 0);
  if (count > 0) {
    // A short read has emptied the socket; what comes later is a new event.
    connection.is_readable = static_cast<std::size_t>(count) == space.size();
    return Received{static_cast<std::size_t>(count)};
  }
  if (count == 0) return Broken{"connection closed by the server"};
  if (!is_would_block(errno)) return Broken{reason_of(errno)};
  connection.is_readable = false;
  return std::nullopt;
}

std::optional<CallEvent> StepClient::send(Connection& connection) {
  const std::string_view unsent = call_->unsent();
  const ssize_t count = ::send(connection.socket.get(), unsent.data(), unsent.size(), MSG_NOSIGNAL);
  if (count >= 0) {
    connection.is_writable = static_cast<std::size_t>(count) == unsent.size();
    return Wrote{static_cast<std::size_t>(count)};
  }
  if (is_would_block(errno)) {
    connection.is_writable = false;
    return std::nullopt;
  }
  connection.send_error = errno;
  return transfer();
}

void StepClient::watch(std::size_t slot, bool for_writing) {
  Connection& connection = *connections_[slot];
  epoll_.watch(connection.socket.get(),
               {EpollTag::Owner::connection, static_cast<std::uint32_t>(slot)}, true, for_writing);
  connection.is_watched_for_writing = for_writing;
}

void StepClient::watch_connection_in_use() {
  if (!in_use_) return;
  const bool has_unsent = !call_->unsent().empty();
  if (has_unsent != connections_[*in_use_]->is_watched_for_writing) watch(*in_use_, has_unsent);
}

void StepClient::close_connection() {
  if (in_use_) connections_[*in_use_].reset();
  in_use_.reset();
}

ServerKnown StepClient::known_of(std::size_t server) const {
  return {.name = choice_.servers().at(server).name,
          .is_connected = connections_[server].has_value(),
          .left_alone_for = choice_.left_alone_for(server, steady_now()),
          .last_error = choice_.last_error(server)};
}

void StepClient::end() {
  const JobCounts jobs = call_->job_counts();
  counters_.jobs_sent += jobs.sent;
  counters_.jobs_failed += jobs.failed;
  connector_.reset();
  if (in_use_ && call_->is_connection_clean()) {
    connections_[*in_use_]->agreements = call_->agreements();
    watch_connection_in_use();
    in_use_.reset();
  } else {
    close_connection();
  }
  is_running_ = false;
}

}  // namespace gman
