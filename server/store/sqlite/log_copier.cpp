// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/sqlite/log_copier.hpp"

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
  pass_ = {.code = code, .pages_copied = copied};
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
