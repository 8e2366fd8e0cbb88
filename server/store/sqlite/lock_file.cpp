// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/sqlite/lock_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/assert.hpp"

namespace gman::sqlite {
namespace {

std::string first_line(int file) {
  std::array<char, 32> text{};
  const ssize_t got = ::pread(file, text.data(), text.size(), 0);
  const std::string whole(text.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  return whole.substr(0, whole.find('\n'));
}

}  // namespace

LockFile::~LockFile() {
  if (file_ < 0) return;
  if (is_ours_) {
    [[maybe_unused]] const int emptied = ::ftruncate(file_, 0);
  }
  ::close(file_);
}

bool LockFile::lock_to_look(const std::string& database_path) {
  GMAN_ASSERT(file_ < 0);
  file_ = ::open((database_path + ".lock").c_str(), O_RDONLY | O_CLOEXEC);
  return file_ < 0 || ::flock(file_, LOCK_EX | LOCK_NB) == 0;
}

std::optional<StoreFault> LockFile::lock(const std::string& database_path) {
  GMAN_ASSERT(file_ < 0);
  const std::string path = database_path + ".lock";
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (file < 0) {
    const int why = errno;
    const bool full = why == ENOSPC || why == EDQUOT;
    return StoreFault{full ? StoreFault::Kind::full : StoreFault::Kind::refused,
                      "cannot make " + path + ": " + std::strerror(why)};
  }
  if (::flock(file, LOCK_EX | LOCK_NB) != 0) {
    const int why = errno;
    StoreFault fault{StoreFault::Kind::refused, "cannot lock " + path + ": " + std::strerror(why)};
    if (why == EWOULDBLOCK) {
      fault.text = database_path + " is in use by another server, process " + first_line(file);
    }
    ::close(file);
    return fault;
  }
  file_ = file;
  is_ours_ = true;
  // The number is for people: where there is no room for it, the lock holds all the same.
  const std::string line = std::to_string(::getpid()) + "\n";
  [[maybe_unused]] const int emptied = ::ftruncate(file, 0);
  [[maybe_unused]] const ssize_t written = ::pwrite(file, line.data(), line.size(), 0);
  return std::nullopt;
}

}  // namespace gman::sqlite
