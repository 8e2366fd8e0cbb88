// SPDX-License-Identifier: BSD-3-Clause
// WriteAheadLog: how large SQLite's log is, and when it is copied back into the database.
//
// It has its size from the beginning. A file that grows has its new size to be synced as well, and
// on ext4 that makes a commit of one job take 195 us where it takes 120 in a file that was written
// before.
//
// SQLite would copy it back in the commit that makes the log 1000 pages long. Here the copier
// (log_copier.hpp) begins when the log has half of its size, beside the commits, and what it leaves
// is copied between two of them. A copy that fails does not fail the commit before it, which is
// durable: it is tried again before the next one, which then fails if the copy does.
//
// On a full disk, jobs that are done can still be removed, which is what makes room. For that the
// copy must never fail for want of room: as much of the disk as the log could add to the database
// is reserved behind the database's end, and while that cannot be had, no jobs are added.
#pragma once

#include <cstdint>
#include <optional>

#include "server/store/sqlite/database.hpp"
#include "server/store/sqlite/log_copier.hpp"

namespace gman::sqlite {

class WriteAheadLog {
 public:
  WriteAheadLog() = default;
  WriteAheadLog(const WriteAheadLog&) = delete;
  WriteAheadLog& operator=(const WriteAheadLog&) = delete;
  ~WriteAheadLog();

  // Requires: an open database in WAL mode, and that this lives longer than it is open.
  [[nodiscard]] std::optional<StoreFault> attach(Database& database, LogCopier& copier,
                                                 std::int64_t bytes_max);
  /// What there is to be said against another commit, or against one that adds jobs.
  [[nodiscard]] std::optional<StoreFault> before_commit(bool adds_jobs);
  /// before_commit() would have nothing to say against any, and nothing to do.
  [[nodiscard]] bool is_ready() const { return is_reserved_ && !last_copy_failed_; }
  void after_commit();
  /// The log is begun anew, so that the next commit has all of it.
  void after_full() { static_cast<void>(copy_back()); }

 private:
  [[nodiscard]] std::optional<StoreFault> copy_back();
  void look_at_copier();
  [[nodiscard]] sqlite3_file* file(sqlite3_int64& size);
  [[nodiscard]] std::optional<StoreFault> write_again();
  void lengthen();
  [[nodiscard]] bool reserve(std::int64_t bytes);

  Database* database_ = nullptr;
  LogCopier* copier_ = nullptr;
  int database_file_ = -1;  ///< closed after SQLite's, whose locks it would take along
  std::int64_t bytes_kept_ = 0;
  std::int64_t page_bytes_ = 0;
  std::int64_t pages_max_ = 0;
  std::int64_t pages_ = 0;
  std::int64_t copied_pages_ = 0;     ///< of them are in the database
  std::int64_t next_copy_pages_ = 0;  ///< how long the log is when it is copied next
  bool last_copy_failed_ = false;
  bool is_reserved_ = false;
};

}  // namespace gman::sqlite
