// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/sqlite/write_ahead_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

namespace gman::sqlite {
namespace {

/// Of the log's length: so much is copied between two commits.
constexpr std::int64_t left_share_copied_at_once = 16;

}  // namespace

WriteAheadLog::~WriteAheadLog() {
  if (database_file_ >= 0) ::close(database_file_);
}

std::optional<StoreFault> WriteAheadLog::attach(Database& database, LogCopier& copier,
                                                std::int64_t bytes_max) {
  database_ = &database;
  copier_ = &copier;
  const auto page_bytes = database.integer("PRAGMA page_size");
  if (const auto* failed = std::get_if<StoreFault>(&page_bytes)) return *failed;
  page_bytes_ = std::get<std::int64_t>(page_bytes);
  pages_max_ = bytes_max / page_bytes_;
  next_copy_pages_ = pages_max_ / 2;
  sqlite3_wal_hook(
      database.get(),
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<WriteAheadLog*>(self)->pages_ = pages;
        return SQLITE_OK;
      },
      this);
  // A commit may begin just below the bound and end above it.
  bytes_kept_ = bytes_max + bytes_max / 8;
  // Somebody who reads for long keeps us from reusing the log, which then grows; this is what
  // remains of it afterwards.
  const std::string limit = "PRAGMA journal_size_limit = " + std::to_string(bytes_kept_);
  if (auto failed = database.execute(limit.c_str())) return failed;
  if (auto failed = write_again()) return failed;
  lengthen();
  database_file_ = ::open(database.path().c_str(), O_RDWR | O_CLOEXEC);
  copier.write_out_by(database_file_);
  is_reserved_ = reserve(bytes_kept_);
  return std::nullopt;
}

/// nullptr: SQLite has none.
sqlite3_file* WriteAheadLog::file(sqlite3_int64& size) {
  sqlite3_file* log = nullptr;
  const int code = sqlite3_file_control(database_->get(), "main", SQLITE_FCNTL_JOURNAL_POINTER,
                                        static_cast<void*>(&log));
  if (code != SQLITE_OK || log == nullptr || log->pMethods == nullptr) return nullptr;
  return log->pMethods->xFileSize(log, &size) == SQLITE_OK ? log : nullptr;
}

/// What an earlier server left in it may be in the kernel's memory alone, and pass for written: so
/// it is after a sync that failed, if that server was killed before it could make that good. What
/// is put behind it would be lost with it when power fails.
std::optional<StoreFault> WriteAheadLog::write_again() {
  sqlite3_int64 size = 0;
  sqlite3_file* const log = file(size);
  if (log == nullptr || size == 0) return std::nullopt;
  // Nobody else adds to it meanwhile.
  if (auto failed = database_->execute("BEGIN IMMEDIATE")) return failed;
  std::vector<char> some(std::size_t{1} << 16);
  int code = log->pMethods->xFileSize(log, &size);
  for (sqlite3_int64 at = 0; code == SQLITE_OK && at < size; at += std::ssize(some)) {
    const auto count = static_cast<int>(std::min<std::int64_t>(std::ssize(some), size - at));
    code = log->pMethods->xRead(log, some.data(), count, at);
    if (code == SQLITE_OK) code = log->pMethods->xWrite(log, some.data(), count, at);
  }
  if (code == SQLITE_OK) code = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
  if (code != SQLITE_OK) return database_->fault("writing its log again", code);
  return database_->execute("COMMIT");
}

/// With zeros, where to SQLite the log is at its end. That this fails is no fault: whatever there
/// is no room for, its commit will say so.
void WriteAheadLog::lengthen() {
  sqlite3_int64 size = 0;
  sqlite3_file* const log = file(size);
  if (log == nullptr) return;
  const std::vector<char> zeros(std::size_t{1} << 16);
  while (size < bytes_kept_) {
    const auto some =
        static_cast<int>(std::min<std::int64_t>(std::ssize(zeros), bytes_kept_ - size));
    if (log->pMethods->xWrite(log, zeros.data(), some, size) != SQLITE_OK) return;
    size += some;
  }
  static_cast<void>(log->pMethods->xSync(log, SQLITE_SYNC_NORMAL));
}

/// What the database has free is reserved already. True also where the file system knows no such
/// thing.
bool WriteAheadLog::reserve(std::int64_t bytes) {
  struct stat status {};
  if (database_file_ < 0 || ::fstat(database_file_, &status) != 0) return true;
  const auto free_bytes = database_->integer(
      "SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size");
  const auto* known = std::get_if<std::int64_t>(&free_bytes);
  const std::int64_t wanted = bytes - (known == nullptr ? 0 : *known);
  if (wanted <= 0) return true;
  if (::fallocate(database_file_, FALLOC_FL_KEEP_SIZE, status.st_size, wanted) == 0) return true;
  return errno != ENOSPC && errno != EDQUOT;
}

std::optional<StoreFault> WriteAheadLog::before_commit(bool adds_jobs) {
  if (last_copy_failed_) {
    if (auto failed = copy_back()) return failed;
  }
  if (!adds_jobs || is_reserved_ || (is_reserved_ = reserve(bytes_kept_))) return std::nullopt;
  return StoreFault{StoreFault::Kind::full,
                    database_->path() + ": the disk has no room for more jobs"};
}

void WriteAheadLog::after_commit() {
  look_at_copier();
  if (pages_ < copied_pages_) {  // SQLite has begun it anew
    copied_pages_ = 0;
    next_copy_pages_ = pages_max_ / 2;
  }
  if (pages_ < next_copy_pages_ || last_copy_failed_) return;
  const std::int64_t left = pages_ - copied_pages_;
  if (pages_ >= pages_max_ || left <= pages_max_ / left_share_copied_at_once) {
    static_cast<void>(copy_back());
  } else if (copier_->is_idle() && reserve(bytes_kept_ + left * page_bytes_)) {
    // What it copies takes of what is reserved, and SQLite may begin the log anew at any moment
    // after it, which must find enough left. Where that cannot be had, the log gets full.
    copier_->begin();
  }
}

void WriteAheadLog::look_at_copier() {
  const auto pass = copier_->take_result();
  if (!pass) return;
  // Busy: a reader needs the log as it is.
  const bool is_busy = (pass->code & 0xFF) == SQLITE_BUSY;
  last_copy_failed_ = pass->code != SQLITE_OK && !is_busy;
  const bool has_moved = pass->code == SQLITE_OK && pass->pages_copied > copied_pages_;
  if (has_moved) copied_pages_ = pass->pages_copied;
  if (!has_moved) next_copy_pages_ = pages_ + pages_max_;
}

std::optional<StoreFault> WriteAheadLog::copy_back() {
  copier_->wait();
  look_at_copier();
  int pages = 0;
  int copied = 0;
  const int code = sqlite3_wal_checkpoint_v2(database_->get(), nullptr, SQLITE_CHECKPOINT_PASSIVE,
                                             &pages, &copied);
  // Busy as well. It is tried again when the log has grown by as much.
  last_copy_failed_ = code != SQLITE_OK && (code & 0xFF) != SQLITE_BUSY;
  if (last_copy_failed_) return database_->fault("copying the log into the database", code);
  if (code == SQLITE_OK) copied_pages_ = copied;
  next_copy_pages_ = pages_ + pages_max_;
  is_reserved_ = reserve(bytes_kept_);
  return std::nullopt;
}

}  // namespace gman::sqlite
