// SPDX-License-Identifier: BSD-3-Clause
#include "server/net/log_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace gman {
namespace {

Result<UniqueFd> open_for_append(const std::string& path) {
  UniqueFd file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640));
  if (!file.is_open()) return error_code(errno, boost::system::system_category());
  return file;
}

}  // namespace

Result<LogFile> LogFile::open(const std::string& destination) {
  if (destination == "stderr") {
    return LogFile(UniqueFd(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)), false);
  }
  const bool is_none = destination == "none";
  auto file = open_for_append(is_none ? "/dev/null" : destination);
  if (!file) return file.error();
  return LogFile(std::move(*file), !is_none);
}

}  // namespace gman
