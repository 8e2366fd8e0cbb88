// SPDX-License-Identifier: BSD-3-Clause
#include "client/blocking/resolver.hpp"

#include <ares.h>
#include <netdb.h>

#include <cstring>
#include <exception>
#include <new>
#include <set>
#include <stdexcept>

namespace gman {
namespace {

/// More addresses of one name are not tried.
constexpr std::size_t addresses_max = 8;
constexpr int query_timeout_ms = 1000;
constexpr int query_tries = 3;

// c-ares counts its initialisations without a lock, so there is exactly one, made thread-safe by
// the language. It is never undone: other users in this process may depend on it.
void initialise_library() {
  static const int status = ares_library_init(ARES_LIB_INIT_ALL);
  if (status != ARES_SUCCESS) throw std::runtime_error(ares_strerror(status));
}

struct FreeAddrinfo {
  void operator()(ares_addrinfo* info) const { ares_freeaddrinfo(info); }
};

Addresses addresses_of(const std::string& host, int status, const ares_addrinfo* info) {
  if (status == ARES_ENOMEM) throw std::bad_alloc();
  std::vector<SocketAddress> addresses;
  for (const auto* node = info != nullptr ? info->nodes : nullptr;
       node != nullptr && addresses.size() < addresses_max; node = node->ai_next) {
    SocketAddress address;
    address.bytes = static_cast<socklen_t>(node->ai_addrlen);
    std::memcpy(&address.storage, node->ai_addr, address.bytes);
    addresses.push_back(address);
  }
  if (status == ARES_SUCCESS && !addresses.empty()) return addresses;
  return "cannot resolve \"" + host +
         "\": " + ares_strerror(status == ARES_SUCCESS ? ARES_ENODATA : status);
}

}  // namespace

std::optional<SocketAddress> numeric_address(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;  // no look-up of any kind
  addrinfo* info = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &info) != 0) {
    return std::nullopt;
  }
  SocketAddress address;
  address.bytes = info->ai_addrlen;
  std::memcpy(&address.storage, info->ai_addr, info->ai_addrlen);
  ::freeaddrinfo(info);
  return address;
}

// C++ exceptions must not pass through c-ares, whose frames are C: its callbacks keep them, and
// `rethrow` lets them out.
struct Resolver::Channel {
  Channel(Epoll& e, std::string& h, std::optional<Addresses>& f) : epoll(e), host(h), found(f) {}
  ~Channel() {
    is_closing = true;
    if (ares != nullptr) ares_destroy(ares);
    for (const int fd : watched) epoll.forget(fd);
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  static void on_socket(void* data, ares_socket_t fd, int readable, int writable) {
    auto& self = *static_cast<Channel*>(data);
    try {
      if (readable == 0 && writable == 0) {
        self.epoll.forget(fd);
        self.watched.erase(fd);
      } else if (!self.is_closing) {
        self.epoll.watch(fd, {EpollTag::Owner::resolver, static_cast<std::uint32_t>(fd)},
                         readable != 0, writable != 0);
        self.watched.insert(fd);
      }
    } catch (...) {
      self.fault = std::current_exception();
    }
  }

  static void on_found(void* data, int status, int /*timeouts*/, ares_addrinfo* raw) {
    const std::unique_ptr<ares_addrinfo, FreeAddrinfo> info(raw);
    auto& self = *static_cast<Channel*>(data);
    if (self.is_closing) return;
    try {
      self.found = addresses_of(self.host, status, info.get());
    } catch (...) {
      self.fault = std::current_exception();
    }
  }

  void rethrow() {
    if (fault) std::rethrow_exception(std::exchange(fault, nullptr));
  }

  Epoll& epoll;
  std::string& host;
  std::optional<Addresses>& found;
  ares_channel ares = nullptr;
  std::set<int> watched;
  std::exception_ptr fault;
  bool is_closing = false;
};

Resolver::Resolver(Epoll& epoll, const std::string& host, std::uint16_t port,
                   const std::string& dns_servers)
    : host_(host) {
  if (const auto address = numeric_address(host, port)) {
    found_ = std::vector{*address};
    return;
  }
  initialise_library();
  channel_ = std::make_unique<Channel>(epoll, host_, found_);
  ares_options options{};
  options.timeout = query_timeout_ms;
  options.tries = query_tries;
  options.sock_state_cb = &Channel::on_socket;
  options.sock_state_cb_data = channel_.get();
  int status = ares_init_options(&channel_->ares, &options,
                                 ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
  if (status == ARES_SUCCESS && !dns_servers.empty()) {
    status = ares_set_servers_ports_csv(channel_->ares, dns_servers.c_str());
  }
  if (status != ARES_SUCCESS) {
    found_ = addresses_of(host_, status, nullptr);
    return;
  }
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = ARES_AI_NUMERICSERV;
  ares_getaddrinfo(channel_->ares, host_.c_str(), std::to_string(port).c_str(), &hints,
                   &Channel::on_found, channel_.get());
  channel_->rethrow();
}

Resolver::~Resolver() = default;

void Resolver::on_event(const EpollEvent& event) {
  const auto fd = static_cast<ares_socket_t>(event.tag.number);
  if (!channel_ || !channel_->watched.contains(fd)) return;  // of a look-up that has ended
  ares_process_fd(channel_->ares, event.is_readable ? fd : ARES_SOCKET_BAD,
                  event.is_writable ? fd : ARES_SOCKET_BAD);
  channel_->rethrow();
}

void Resolver::on_time() {
  if (!channel_ || found_) return;
  ares_process_fd(channel_->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  channel_->rethrow();
}

std::optional<milliseconds> Resolver::timeout() const {
  if (!channel_ || found_) return std::nullopt;
  timeval time{};
  if (ares_timeout(channel_->ares, nullptr, &time) == nullptr) return std::nullopt;
  // Rounded up, so that the wait is never followed by another of nothing.
  return milliseconds{time.tv_sec * 1000 + (time.tv_usec + 999) / 1000};
}

}  // namespace gman
