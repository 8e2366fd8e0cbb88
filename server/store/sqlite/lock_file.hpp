// SPDX-License-Identifier: BSD-3-Clause
// LockFile: `<path>.lock`, locked while a server has the database `path`.
//
// It is a side file so that the database itself stays open to readers like the sqlite3 shell. The
// lock, not the file, says that somebody has it: it ends with the process, however that ends. The
// file stays, because whoever removes a lock file may remove the one that another just locked.
#pragma once

#include <optional>
#include <string>

#include "server/store/store.hpp"

namespace gman::sqlite {

class LockFile {
 public:
  LockFile() = default;
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;
  ~LockFile();

  // Requires: not locked yet.
  [[nodiscard]] std::optional<StoreFault> lock(const std::string& database_path);
  /// The same for somebody who only looks, and makes no file: false, a server has it.
  [[nodiscard]] bool lock_to_look(const std::string& database_path);

 private:
  int file_ = -1;
  bool is_ours_ = false;  ///< to be emptied
};

}  // namespace gman::sqlite
