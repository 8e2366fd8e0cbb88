// SPDX-License-Identifier: BSD-3-Clause
// LogFile: where the log goes: standard error, nowhere, or a file that can be opened anew after
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
  /// On an error the file stays what it was.
  [[nodiscard]] Result<void> reopen();

 private:
  LogFile(UniqueFd file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}

  UniqueFd file_;
  std::string path_;  ///< empty when there is nothing to open anew
};

}  // namespace gman
