// SPDX-License-Identifier: BSD-3-Clause
// WriteAheadLog: how large SQLite's log is, and when it is copied back into the database.
//
// It has its size from the beginning. A file that grows has its new size to be synced as well, and
// on ext4 that makes a commit of one job take 195 us where it takes 120 in a file that was written
// before.
//
// SQLite would copy it back in the commit that makes the log 1000 pages long. Here the bound is a
// size, and a copy that fails does not fail the commit before it, which is durable: it is tried
// again before the next one, which then fails if the copy does. The copy makes one commit wait, the
// longer the log the more: some 15 ms at 8 MiB.
#pragma once

#include <cstdint>
#include <optional>

#include "server/store/sqlite/database.hpp"

namespace gman::sqlite {

class WriteAheadLog {
 public:
  WriteAheadLog() = default;
  WriteAheadLog(const WriteAheadLog&) = delete;
  WriteAheadLog& operator=(const WriteAheadLog&) = delete;

  // Requires: an open database in WAL mode, and that this lives as long as it is open.
  [[nodiscard]] std::optional<StoreFault> attach(Database& database, std::int64_t bytes_max);
  /// What there is to be said against another commit.
  [[nodiscard]] std::optional<StoreFault> before_commit();
  void after_commit();

 private:
  [[nodiscard]] std::optional<StoreFault> copy_back();
  void lengthen(std::int64_t bytes);

  Database* database_ = nullptr;
  std::int64_t pages_max_ = 0;
  std::int64_t pages_ = 0;
  std::int64_t next_copy_pages_ = 0;  ///< how long the log is when it is copied next
  bool last_copy_failed_ = false;
};

}  // namespace gman::sqlite
