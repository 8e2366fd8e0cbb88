// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/sqlite/files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace gman::sqlite {
namespace {

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == path.npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

StoreFault system_fault(const std::string& path, const std::string& doing) {
  const int why = errno;
  const bool full = why == ENOSPC || why == EDQUOT;
  const auto kind = why == EIO ? StoreFault::Kind::failing
                    : full     ? StoreFault::Kind::full
                               : StoreFault::Kind::refused;
  return {kind, path + ": " + doing + ": " + std::strerror(why)};
}

std::optional<StoreFault> sync_directory_of(const std::string& path) {
  const std::string directory = directory_of(path);
  const int file = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return system_fault(directory, "opening");
  std::optional<StoreFault> failed;
  if (::fsync(file) != 0) failed = system_fault(directory, "fsync");
  ::close(file);
  return failed;
}

bool is_there(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

std::optional<StoreFault> remove_file(const std::string& path) {
  if (!is_there(path) || ::unlink(path.c_str()) == 0) return std::nullopt;
  return system_fault(path, "removing it");
}

std::optional<StoreFault> rename_file(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return std::nullopt;
  return system_fault(to, "renaming " + from + " to it");
}

}  // namespace gman::sqlite
