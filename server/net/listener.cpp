// SPDX-License-Identifier: BSD-3-Clause
#include "server/net/listener.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>

namespace gman {
namespace {

// How often a free port is looked for that every address has free.
constexpr int free_port_tries = 16;

error_code last_error() {
  return {errno, boost::system::system_category()};
}

[[noreturn]] void fail(const std::string& address, const std::string& why) {
  throw ListenError("cannot listen on " + address + ": " + why);
}

void set_option(int fd, int level, int name, int value) {
  ::setsockopt(fd, level, name, &value, sizeof(value));
}

int get_option(int fd, int level, int name) {
  int value = -1;
  socklen_t bytes = sizeof(value);
  ::getsockopt(fd, level, name, &value, &bytes);
  return value;
}

// Linux hands these on to every socket that is accepted. The system's own figures are those of a
// socket that nobody has touched.
void set_inherited_options(int fd, const ServerConfig& config) {
  const UniqueFd untouched(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP));
  const auto set_figure = [&](int name, int value) {
    const int figure = value == -1 ? get_option(untouched.get(), IPPROTO_TCP, name) : value;
    if (figure > 0) set_option(fd, IPPROTO_TCP, name, figure);
  };
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, config.keepalive ? 1 : 0);
  set_figure(TCP_KEEPIDLE, config.keepalive_idle_seconds);
  set_figure(TCP_KEEPINTVL, config.keepalive_interval_seconds);
  set_figure(TCP_KEEPCNT, config.keepalive_count);
}

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Addresses resolve(const std::string& host) {
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE;
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int fault = ::getaddrinfo(host.c_str(), "0", &hints, &list);
  if (fault != 0) fail(host, fault == EAI_SYSTEM ? last_error().message() : gai_strerror(fault));
  return Addresses(list);
}

void set_port(sockaddr& address, std::uint16_t port) {
  if (address.sa_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6&>(address).sin6_port = htons(port);
  } else {
    reinterpret_cast<sockaddr_in&>(address).sin_port = htons(port);
  }
}

std::uint16_t port_of(const sockaddr_storage& address) {
  return ntohs(address.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

std::string host_of(const sockaddr& address, socklen_t address_bytes) {
  std::array<char, NI_MAXHOST> host{};
  const int fault =
      ::getnameinfo(&address, address_bytes, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST);
  return fault == 0 ? host.data() : "?";
}

std::string with_port(const std::string& host, std::uint16_t port) {
  const bool is_v6 = host.find(':') != std::string::npos;
  return (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

bool means_no_ipv6(const error_code& fault) {
  return fault == boost::system::errc::address_family_not_supported ||
         fault == boost::system::errc::address_not_available;
}

struct Wanted {
  ListenAddress address;
  bool may_be_missing;
};

std::vector<Wanted> wanted_addresses(const ServerConfig& config) {
  if (config.listen.empty()) return {{{"127.0.0.1", {}}, false}, {{"::1", {}}, true}};
  std::vector<Wanted> wanted;
  for (const ListenAddress& address : config.listen) wanted.push_back({address, false});
  return wanted;
}

struct TcpAttempt {
  std::vector<Listener> listeners;
  std::string address;  ///< where it ended
  error_code fault;
};

// Port 0 means whichever the first address that says so gets.
TcpAttempt try_tcp(const ServerConfig& config) {
  TcpAttempt attempt;
  std::uint16_t shared_port = config.port;
  for (const Wanted& wanted : wanted_addresses(config)) {
    const Addresses found = resolve(wanted.address.host);
    for (addrinfo* at = found.get(); at != nullptr; at = at->ai_next) {
      const std::uint16_t port = wanted.address.port.value_or(shared_port);
      set_port(*at->ai_addr, port);
      const bool is_any_free = config.port == 0 && !wanted.address.port;
      auto listener = Listener::on_tcp(*at->ai_addr, at->ai_addrlen, config, is_any_free);
      if (!listener) {
        if (wanted.may_be_missing && means_no_ipv6(listener.error())) continue;
        attempt.address = with_port(host_of(*at->ai_addr, at->ai_addrlen), port);
        attempt.fault = listener.error();
        return attempt;
      }
      if (!wanted.address.port) shared_port = listener->port();
      attempt.listeners.push_back(std::move(*listener));
    }
  }
  return attempt;
}

std::vector<Listener> open_tcp(const ServerConfig& config) {
  for (int tries = 1;; ++tries) {
    TcpAttempt attempt = try_tcp(config);
    if (!attempt.fault) return std::move(attempt.listeners);
    const bool was_unlucky = config.port == 0 && !attempt.listeners.empty() &&
                             attempt.fault == boost::system::errc::address_in_use;
    if (!was_unlucky || tries == free_port_tries) fail(attempt.address, attempt.fault.message());
  }
}

sockaddr_un unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), std::min(path.size(), sizeof(address.sun_path) - 1));
  return address;
}

UniqueFd new_unix_socket() {
  return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

// Only a socket that nobody answers on is in nobody's way.
void remove_stale_socket(const std::string& path, const std::string& name) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return;
  if (!S_ISSOCK(status.st_mode)) fail(name, "the file exists and is no socket");
  const UniqueFd probe = new_unix_socket();
  const sockaddr_un address = unix_address(path);
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ||
      errno == EAGAIN) {
    fail(name, "a running server listens on it");
  }
  if (errno != ECONNREFUSED) fail(name, last_error().message());
  if (::unlink(path.c_str()) != 0) fail(name, last_error().message());
}

}  // namespace

Listener::~Listener() {
  if (!socket_.is_open() || path_.empty()) return;
  struct stat status {};
  if (::lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
}

Result<Listener> Listener::on_tcp(const sockaddr& address, socklen_t address_bytes,
                                  const ServerConfig& config, bool is_any_free) {
  Listener listener(UniqueFd(::socket(address.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                                      IPPROTO_TCP)),
                    PeerKind::tcp);
  if (!listener.socket_.is_open()) return last_error();
  // A port is wanted also while connections of the server before linger. One that the system
  // chooses could, with this, be that of another server which does not listen yet, either: see
  // listen().
  if (!is_any_free) set_option(listener.fd(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (address.sa_family == AF_INET6) set_option(listener.fd(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  set_inherited_options(listener.fd(), config);
  if (::bind(listener.fd(), &address, address_bytes) != 0) return last_error();
  listener.learn_tcp_address();
  return listener;
}

void Listener::learn_tcp_address() {
  sockaddr_storage bound{};
  socklen_t bound_bytes = sizeof(bound);
  ::getsockname(fd(), reinterpret_cast<sockaddr*>(&bound), &bound_bytes);
  port_ = port_of(bound);
  address_ = with_port(host_of(reinterpret_cast<const sockaddr&>(bound), bound_bytes), port_);
}

Listener Listener::of_passed(UniqueFd socket, const ServerConfig& config) {
  const std::string name = "passed descriptor " + std::to_string(socket.get());
  const int fd = socket.get();
  sockaddr_storage bound{};
  socklen_t bound_bytes = sizeof(bound);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &bound_bytes) != 0) {
    fail(name, last_error().message());
  }
  const bool is_unix = bound.ss_family == AF_UNIX;
  const bool is_tcp = bound.ss_family == AF_INET || bound.ss_family == AF_INET6;
  if (get_option(fd, SOL_SOCKET, SO_TYPE) != SOCK_STREAM || !(is_unix || is_tcp) ||
      get_option(fd, SOL_SOCKET, SO_ACCEPTCONN) != 1) {
    fail(name, "it is no TCP or Unix socket that listens");
  }
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  Listener listener(std::move(socket), is_unix ? PeerKind::unix_socket : PeerKind::tcp);
  if (is_tcp) {
    set_inherited_options(fd, config);
    listener.learn_tcp_address();
    return listener;
  }
  const auto& address = reinterpret_cast<const sockaddr_un&>(bound);
  std::string path(address.sun_path, bound_bytes - offsetof(sockaddr_un, sun_path));
  if (path.starts_with('\0')) {
    path.front() = '@';  // an abstract name
  } else {
    path.resize(std::strlen(path.c_str()));
  }
  listener.address_ = "unix:" + path;
  return listener;
}

void Listener::listen(std::uint32_t backlog) const {
  if (::listen(fd(), static_cast<int>(backlog)) != 0) fail(address_, last_error().message());
  // What it accepts has this from it, and is in nobody's way when the port is wanted again.
  if (kind_ == PeerKind::tcp) set_option(fd(), SOL_SOCKET, SO_REUSEADDR, 1);
}

void Listener::change(const ServerConfig& config) const {
  if (kind_ == PeerKind::tcp) set_inherited_options(fd(), config);
  ::listen(fd(), static_cast<int>(config.backlog));
}

Listener Listener::on_unix_socket(const std::string& path, std::uint32_t mode) {
  const std::string name = "unix:" + path;
  remove_stale_socket(path, name);
  Listener listener(new_unix_socket(), PeerKind::unix_socket);
  if (!listener.socket_.is_open()) fail(name, last_error().message());

  // The mask, so that there is no moment in which the file is open to more than `mode` says.
  const sockaddr_un address = unix_address(path);
  const mode_t former_mask = ::umask(0777 & ~static_cast<mode_t>(mode));
  const bool is_bound =
      ::bind(listener.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  const error_code bind_fault = is_bound ? error_code{} : last_error();
  ::umask(former_mask);
  if (!is_bound) fail(name, bind_fault.message());

  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) {
    listener.device_ = status.st_dev;
    listener.inode_ = status.st_ino;
  }
  listener.path_ = path;
  listener.address_ = name;
  return listener;
}

std::vector<Listener> open_listeners(const ServerConfig& config, std::vector<UniqueFd> passed) {
  std::vector<Listener> listeners;
  listeners.reserve(passed.size());
  for (UniqueFd& socket : passed) {
    listeners.push_back(Listener::of_passed(std::move(socket), config));
  }
  const bool unix_socket_is_passed = std::ranges::any_of(listeners, [&](const Listener& listener) {
    return listener.address() == "unix:" + config.unix_socket;
  });
  if (listeners.empty() || !config.listen.empty()) {
    for (Listener& listener : open_tcp(config)) listeners.push_back(std::move(listener));
  }
  if (!config.unix_socket.empty() && !unix_socket_is_passed) {
    listeners.push_back(Listener::on_unix_socket(config.unix_socket, config.unix_socket_mode));
  }
  return listeners;
}

std::string peer_address(int fd) {
  sockaddr_storage address{};
  socklen_t address_bytes = sizeof(address);
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &address_bytes) != 0) return "?";
  if (address.ss_family == AF_UNIX) return "unix";
  return host_of(reinterpret_cast<const sockaddr&>(address), address_bytes);
}

}  // namespace gman
