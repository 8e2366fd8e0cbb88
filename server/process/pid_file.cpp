// SPDX-License-Identifier: BSD-3-Clause
#include "server/process/pid_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "server/process/error.hpp"

namespace gman {
namespace {

std::string first_word(int fd) {
  std::array<char, 32> text{};
  const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
  const std::string whole(text.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  return whole.substr(0, whole.find('\n'));
}

}  // namespace

PidFile::PidFile(std::string path) : path_(std::move(path)) {
  const auto fail = [this](const std::string& why) {
    throw StartError("--pid-file: " + path_ + ": " + why);
  };
  file_ = UniqueFd(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!file_.is_open()) fail(std::strerror(errno));
  if (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0) {
    fail("a running server has it, process " + first_word(file_.get()));
  }
  const std::string line = std::to_string(::getpid()) + "\n";
  if (::ftruncate(file_.get(), 0) != 0 ||
      ::write(file_.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    fail(std::strerror(errno));
  }
}

PidFile::~PidFile() {
  if (::unlink(path_.c_str()) == 0) return;
  [[maybe_unused]] const int emptied = ::ftruncate(file_.get(), 0);
}

}  // namespace gman
