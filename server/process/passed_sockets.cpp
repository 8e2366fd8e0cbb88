// SPDX-License-Identifier: BSD-3-Clause
#include "server/process/passed_sockets.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <string>

#include "server/process/error.hpp"

namespace gman {
namespace {

constexpr int first_passed = 3;
constexpr int passed_max = 1024;

std::string take_variable(const char* name) {
  const char* const value = std::getenv(name);
  std::string taken = value == nullptr ? "" : value;
  ::unsetenv(name);
  return taken;
}

}  // namespace

std::vector<UniqueFd> take_passed_sockets() {
  const std::string pid = take_variable("LISTEN_PID");
  const std::string count_text = take_variable("LISTEN_FDS");
  take_variable("LISTEN_FDNAMES");
  if (pid != std::to_string(::getpid())) return {};

  int count = 0;
  const char* const last = count_text.data() + count_text.size();
  const auto [end, fault] = std::from_chars(count_text.data(), last, count);
  if (fault != std::errc{} || end != last || count < 0 || count > passed_max) {
    throw StartError("LISTEN_FDS: '" + count_text + "' is not a number of sockets, at most " +
                     std::to_string(passed_max));
  }
  std::vector<UniqueFd> sockets;
  for (int fd = first_passed; fd < first_passed + count; ++fd) {
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
      throw StartError("LISTEN_FDS: descriptor " + std::to_string(fd) + " is not open");
    }
    sockets.emplace_back(fd);
  }
  return sockets;
}

}  // namespace gman
