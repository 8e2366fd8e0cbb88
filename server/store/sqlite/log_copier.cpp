// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/sqlite/log_copier.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/assert.hpp"
#include "base/thread.hpp"

namespace gman::sqlite {

LogCopier::~LogCopier() {
  if (!thread_.joinable()) return;
  wait();
  state_.store(State::ending);
  state_.notify_one();
  thread_.join();
}

std::optional<StoreFault> LogCopier::open(const Database& of, bool has_thread) {
  GMAN_ASSERT(!is_open());
  Database& database = database_.emplace(of.path(), 0, of.vfs());
  auto failed = database.open();
  // SQLite looks for the log with the first read.
  if (!failed) failed = database.execute("SELECT count(*) FROM start");
  if (failed) {
    database_.reset();
    return failed;
  }
  // The other connection is the last one.
  sqlite3_db_config(database.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  if (!has_thread) return std::nullopt;
  thread_ = start_thread([this] { work(); });
  return std::nullopt;
}

void LogCopier::begin() {
  GMAN_ASSERT(is_idle());
  if (!thread_.joinable()) {
    copy();
    return state_.store(State::done);
  }
  state_.store(State::copying);
  state_.notify_one();
}

std::optional<LogCopier::Pass> LogCopier::take_result() {
  if (state_.load() != State::done) return std::nullopt;
  state_.store(State::idle);
  return pass_;
}

void LogCopier::copy() {
  int pages = 0;
  int copied = 0;
  const int code = sqlite3_wal_checkpoint_v2(database_->get(), nullptr, SQLITE_CHECKPOINT_PASSIVE,
                                             &pages, &copied);
  if (code == SQLITE_OK) write_out();
  pass_ = {.code = code, .pages_copied = copied};
}

// An error is told to SQLite's own descriptor, by the sync in the last pass.
void LogCopier::write_out() const {
  constexpr std::int64_t bytes_at_once_min = std::int64_t{128} << 10;
  constexpr std::int64_t steps_max = 8192;
  struct stat status {};
  if (database_file_ < 0 || ::fstat(database_file_, &status) != 0) return;
  const std::int64_t step = std::max<std::int64_t>(bytes_at_once_min, status.st_size / steps_max);
  for (std::int64_t at = 0; at < status.st_size; at += step) {
    static_cast<void>(::sync_file_range(
        database_file_, at, step,
        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER));
  }
}

// ---- The copier's thread

void LogCopier::work() {
  while (true) {
    const State state = state_.load();
    if (state == State::ending) return;
    if (state != State::copying) {
      state_.wait(state);
      continue;
    }
    copy();
    state_.store(State::done);
    state_.notify_one();
  }
}

}  // namespace gman::sqlite
