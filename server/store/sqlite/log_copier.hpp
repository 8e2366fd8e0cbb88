// SPDX-License-Identifier: BSD-3-Clause
// LogCopier: copies SQLite's log back into the database while commits go on, over a connection and
// on a thread of its own.
//
// A copy of the whole log between two commits makes the second one wait, some 20 ms for 8 MiB.
// SQLite lets another connection copy what is committed at that moment; what is committed meanwhile
// remains for the next pass. So little is left in the end that copying it between two commits,
// which alone lets the log begin anew, costs a tenth of that.
//
// SQLite syncs the database only in that last pass. What the others have copied is written to the
// disk here, a little at a time, so that neither the last pass nor a commit meanwhile waits for
// some megabytes at once.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <thread>

#include "server/store/sqlite/database.hpp"

namespace gman::sqlite {

class LogCopier {
 public:
  LogCopier() = default;
  LogCopier(const LogCopier&) = delete;
  LogCopier& operator=(const LogCopier&) = delete;
  /// After the pass that is under way. Then the connection is closed.
  ~LogCopier();

  /// Opens the connection and starts the thread; without a thread, a pass is over when begin()
  /// returns. Requires: `of` is open, in WAL mode, and lives longer than this is open.
  [[nodiscard]] std::optional<StoreFault> open(const Database& of, bool has_thread);
  [[nodiscard]] bool is_open() const { return database_.has_value(); }

  // The rest is for the store's thread. Requires: is_open().

  /// Of the database's file, to be closed after this is: POSIX drops all locks with it.
  // Requires: it is idle.
  void write_out_by(int descriptor) { database_file_ = descriptor; }
  /// No pass is under way, and the result of the last one was taken.
  [[nodiscard]] bool is_idle() const { return state_.load() == State::idle; }
  // Requires: it is idle.
  void begin();
  /// Until no pass is under way.
  void wait() const { state_.wait(State::copying); }

  struct Pass {
    int code;                   ///< SQLite's
    std::int64_t pages_copied;  ///< of the log, from its beginning; if the code is SQLITE_OK
  };
  /// Of a pass that is over; nullopt: there was none since the last call, or it is under way.
  [[nodiscard]] std::optional<Pass> take_result();

 private:
  /// Of this size because it is waited on: see handover.hpp.
  enum class State : std::uint32_t { idle, copying, done, ending };
  void work();
  void copy();
  void write_out() const;

  std::optional<Database> database_;
  int database_file_ = -1;
  Pass pass_{};  ///< whose it is, the state says
  std::atomic<State> state_{State::idle};
  std::thread thread_;
};

}  // namespace gman::sqlite
