// SPDX-License-Identifier: BSD-3-Clause
// LogFile: where the log goes: standard error, nowhere, or a file, which is opened anew after
// somebody has moved it away.
#pragma once

#include <string>

#include "base/result.hpp"
#include "server/net/unique_fd.hpp"

namespace gman {

class LogFile {
 public:
  /// "stderr", "none" or a path.
  [[nodiscard]] static Result<LogFile> open(const std::string& destination);

  [[nodiscard]] int fd() const { return file_.get(); }
  /// Whether it is a file that somebody may move away.
  [[nodiscard]] bool is_path() const { return is_path_; }

 private:
  LogFile(UniqueFd file, bool is_path) : file_(std::move(file)), is_path_(is_path) {}

  UniqueFd file_;
  bool is_path_;
};

}  // namespace gman
