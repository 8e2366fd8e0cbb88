// SPDX-License-Identifier: BSD-3-Clause
#include "client/blocking/connector.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace gman {
namespace {

/// A Unix socket whose queue of callers is full refuses with EAGAIN and reports no event.
constexpr milliseconds unix_queue_wait{5};

// A job may run for days, and a server that lost its power sends no FIN: after two minutes of
// silence on both sides the kernel finds out.
constexpr int keepalive_idle_seconds = 60;
constexpr int keepalive_interval_seconds = 15;
constexpr int keepalive_probes = 4;

// None of these is worth failing for.
void tune_tcp(int fd) {
  const auto set = [&](int level, int option, int value) {
    ::setsockopt(fd, level, option, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, keepalive_idle_seconds);
  set(IPPROTO_TCP, TCP_KEEPINTVL, keepalive_interval_seconds);
  set(IPPROTO_TCP, TCP_KEEPCNT, keepalive_probes);
}

SocketAddress unix_socket_address(const std::string& path) {
  SocketAddress address;
  auto& un = reinterpret_cast<sockaddr_un&>(address.storage);
  un.sun_family = AF_UNIX;
  std::memcpy(un.sun_path, path.c_str(), std::min(path.size() + 1, sizeof un.sun_path));
  address.bytes = sizeof un;
  return address;
}

int pending_error(int fd) {
  int error = 0;
  socklen_t bytes = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &bytes) != 0) return errno;
  return error;
}

}  // namespace

std::string reason_of(int error) {
  std::string text = std::generic_category().message(error);
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

Connector::Connector(Epoll& epoll, std::uint32_t server, const ServerAddress& address,
                     milliseconds connect_timeout)
    : epoll_(epoll), tag_{EpollTag::Owner::connection, server}, connect_timeout_(connect_timeout) {
  if (const auto* unix_address = std::get_if<UnixAddress>(&address.where)) {
    addresses_ = {unix_socket_address(unix_address->path)};
  } else {
    const auto& tcp = std::get<TcpAddress>(address.where);
    resolver_ = std::make_unique<Resolver>(epoll, tcp.host, tcp.port);
  }
}

void Connector::on_event(const EpollEvent& event) {
  switch (event.tag.owner) {
    case EpollTag::Owner::connection: is_ready_ = true; break;
    case EpollTag::Owner::resolver:
      if (resolver_) resolver_->on_event(event);
      break;
  }
}

std::optional<std::variant<UniqueFd, std::string>> Connector::step(Instant now) {
  if (resolver_) {
    resolver_->on_time();
    if (!resolver_->found()) return std::nullopt;
    Addresses found = resolver_->take();
    resolver_.reset();
    if (auto* reason = std::get_if<std::string>(&found)) return std::move(*reason);
    addresses_ = std::get<std::vector<SocketAddress>>(std::move(found));
  }
  for (; address_at_ < addresses_.size(); ++address_at_) {
    switch (socket_ ? go_on(now) : begin(now)) {
      case Attempt::connected:
        epoll_.watch(socket_.get(), tag_, true, false);
        return std::move(socket_);
      case Attempt::pending: return std::nullopt;
      case Attempt::failed: socket_.reset(); break;
    }
  }
  return reasons_;
}

Connector::Attempt Connector::begin(Instant now) {
  const SocketAddress& address = addresses_[address_at_];
  const int family = address.storage.ss_family;
  socket_ = UniqueFd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket_) return fail(reason_of(errno));
  if (family != AF_UNIX) tune_tcp(socket_.get());
  give_up_at_ = now + connect_timeout_ / static_cast<int>(addresses_.size());
  return connect(now);
}

Connector::Attempt Connector::connect(Instant now) {
  const SocketAddress& address = addresses_[address_at_];
  is_ready_ = false;
  connect_again_at_.reset();
  if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address.storage),
                address.bytes) == 0) {
    return Attempt::connected;
  }
  if (errno == EINPROGRESS || errno == EINTR) {
    epoll_.watch(socket_.get(), tag_, false, true);
    return Attempt::pending;
  }
  if (errno == EAGAIN && address.storage.ss_family == AF_UNIX) {
    connect_again_at_ = now + unix_queue_wait;
    return now < give_up_at_ ? Attempt::pending : fail("its queue of connections is full");
  }
  return fail(reason_of(errno));
}

Connector::Attempt Connector::go_on(Instant now) {
  if (connect_again_at_) return now < *connect_again_at_ ? Attempt::pending : connect(now);
  if (is_ready_) {
    const int error = pending_error(socket_.get());
    return error == 0 ? Attempt::connected : fail(reason_of(error));
  }
  return now < give_up_at_ ? Attempt::pending : fail("no connection in time");
}

// Addresses of one server often fail alike; each reason is told once.
Connector::Attempt Connector::fail(const std::string& reason) {
  if (reasons_.find(reason) == std::string::npos) {
    if (!reasons_.empty()) reasons_ += "; ";
    reasons_ += reason;
  }
  return Attempt::failed;
}

std::optional<Instant> Connector::wake_at(Instant now) const {
  if (resolver_) {
    const auto timeout = resolver_->timeout();
    return timeout ? std::optional{now + *timeout} : std::nullopt;
  }
  return connect_again_at_ ? connect_again_at_ : std::optional{give_up_at_};
}

}  // namespace gman
