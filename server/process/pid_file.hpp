// SPDX-License-Identifier: BSD-3-Clause
// PidFile: a file with the process id, locked while the process lives and gone with it.
//
// The lock, not the number, says that a server runs: a file that a dead one left is in nobody's
// way.
#pragma once

#include <string>

#include "server/net/unique_fd.hpp"

namespace gman {

class PidFile {
 public:
  /// Throws StartError: it cannot be written, or a running server has it.
  explicit PidFile(std::string path);
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;
  /// Empties the file at least, when the directory is root's and we no longer are.
  ~PidFile();

 private:
  std::string path_;
  UniqueFd file_;
};

}  // namespace gman
