// SPDX-License-Identifier: BSD-3-Clause
#include "server/process/background.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "server/process/error.hpp"

namespace gman {
namespace {

// The child's byte says that it is ready; the end of the pipe says that it has ended.
[[noreturn]] void wait_for(pid_t child, int pipe) {
  char byte = 0;
  ssize_t got = 0;
  do {
    got = ::read(pipe, &byte, 1);
  } while (got < 0 && errno == EINTR);
  if (got == 1) std::_Exit(EXIT_SUCCESS);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  std::_Exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE);
}

}  // namespace

Background::Background() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw StartError(std::string("--daemon: ") + std::strerror(errno));
  }
  const UniqueFd reading(ends[0]);
  parent_ = UniqueFd(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) throw StartError(std::string("--daemon: ") + std::strerror(errno));
  if (child > 0) {
    parent_.reset();
    wait_for(child, reading.get());
  }
  ::setsid();
}

void Background::ready() {
  const UniqueFd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(nothing.get(), fd);
  [[maybe_unused]] const auto told = ::write(parent_.get(), "", 1);
  parent_.reset();
}

}  // namespace gman
