// SPDX-License-Identifier: BSD-3-Clause
#include "server/net/syslog.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

namespace gman {
namespace {

constexpr int daemon_facility = 3 << 3;
// What every syslog takes as one message.
constexpr std::size_t line_bytes_max = 8000;

// RFC 3164, as local programs have always written it.
std::string head(int priority) {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::localtime_r(&now, &parts);
  std::array<char, 32> time{};
  std::strftime(time.data(), time.size(), "%b %e %H:%M:%S", &parts);
  return "<" + std::to_string(priority) + ">" + time.data() + " gmand[" +
         std::to_string(::getpid()) + "]: ";
}

}  // namespace

int Syslog::priority_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return daemon_facility | 7;
    case LogLevel::info: return daemon_facility | 6;
    case LogLevel::warn: return daemon_facility | 4;
    case LogLevel::error: return daemon_facility | 3;
  }
  return daemon_facility | 3;
}

Result<void> Syslog::connect() {
  UniqueFd fresh(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path_.c_str(),
              std::min(path_.size(), sizeof(address.sun_path) - 1));
  if (!fresh.is_open() ||
      ::connect(fresh.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return error_code(errno, boost::system::system_category());
  }
  socket_ = std::move(fresh);
  return {};
}

bool Syslog::send(int priority, std::string_view line) {
  const std::string message = head(priority).append(line.substr(0, line_bytes_max));
  const auto sent = [&] {
    return ::send(socket_.get(), message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
  };
  if (socket_.is_open() && sent()) return true;
  // A syslog that was started again has another socket.
  const bool is_full = socket_.is_open() && (errno == EAGAIN || errno == ENOBUFS);
  return !is_full && connect() && sent();
}

void Syslog::write(LogLevel level, std::string_view line) {
  if (lost_ != 0 &&
      send(priority_of(LogLevel::warn), "log lines were lost count=" + std::to_string(lost_))) {
    lost_ = 0;
  }
  if (!send(priority_of(level), line)) ++lost_;
}

}  // namespace gman
