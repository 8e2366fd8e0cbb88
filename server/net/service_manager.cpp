// SPDX-License-Identifier: BSD-3-Clause
#include "server/net/service_manager.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "server/net/unique_fd.hpp"

namespace gman {
namespace {

std::string take_variable(const char* name) {
  const char* const value = std::getenv(name);
  std::string taken = value == nullptr ? "" : value;
  ::unsetenv(name);
  return taken;
}

std::int64_t number_of(std::string_view text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

ServiceManager ServiceManager::from_environment() {
  ServiceManager manager;
  manager.socket_ = take_variable("NOTIFY_SOCKET");
  const auto watchdog = std::chrono::microseconds(number_of(take_variable("WATCHDOG_USEC")));
  const std::int64_t watched = number_of(take_variable("WATCHDOG_PID"));
  // Twice as often as it must be.
  if (watched == 0 || watched == ::getpid()) {
    manager.watchdog_ = std::chrono::duration_cast<milliseconds>(watchdog / 2);
  }
  return manager;
}

void ServiceManager::starting(std::string_view status, milliseconds more) const {
  const auto extend = std::chrono::duration_cast<std::chrono::microseconds>(more);
  tell("STATUS=" + std::string(status) + "\nEXTEND_TIMEOUT_USEC=" + std::to_string(extend.count()));
}

void ServiceManager::ready(std::string_view status) const {
  tell("READY=1\nSTATUS=" + std::string(status) + "\nMAINPID=" + std::to_string(::getpid()));
}

void ServiceManager::reloading(Instant now) const {
  const auto since_boot =
      std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch());
  tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(since_boot.count()));
}

void ServiceManager::stopping(std::string_view status) const {
  tell("STOPPING=1\nSTATUS=" + std::string(status));
}

void ServiceManager::alive() const {
  tell("WATCHDOG=1");
}

// The manager reads at once, or something is wrong with the machine; it is waited for no longer
// than a second.
void ServiceManager::tell(std::string_view lines) const {
  sockaddr_un address{};
  if (socket_.empty() || socket_.size() >= sizeof(address.sun_path)) return;
  const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const timeval patience{.tv_sec = 1, .tv_usec = 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';  // an abstract name
  const auto address_bytes =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  ::sendto(socket.get(), lines.data(), lines.size(), MSG_NOSIGNAL,
           reinterpret_cast<const sockaddr*>(&address), address_bytes);
}

}  // namespace gman
