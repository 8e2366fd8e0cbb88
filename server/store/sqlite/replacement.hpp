// SPDX-License-Identifier: BSD-3-Clause
// Replacement: how a database that was written anew takes the place of one that is not trusted any
// more, so that a kill at any moment leaves the one or the other, whole.
//
// The trouble is the old one's log: a new database under the name that the old log belongs to would
// have that log copied into it, and an old database without its log has lost jobs. No rename moves
// two files at once. So the new one gets a name of its own first, which says that it is complete:
//
//   <path>.anew       being written; of no worth after a kill
//   <path>.complete   written and synced: what is at <path> does not count any more
//   <path>.untrusted  the old one and, with -wal behind it, its log
//
// From the rename to .complete on, the next server that begins does what is left to be done.
//
// Somebody with a shell may have the old one open. Whoever closes a database last removes its log,
// by name; but SQLite looks first whether the database still has its own.
//
// The old one is kept, until the next one: it may be all that is left of jobs that were set aside,
// and tells whoever looks for the cause what was on the disk.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "server/store/store.hpp"

namespace gman::sqlite {

class Replacement {
 public:
  explicit Replacement(std::string path) : path_(std::move(path)) {}

  // Requires, for all of it: the lock on the path, and no connection of ours to either database.

  /// Where the new one is written.
  [[nodiscard]] std::string unfinished() const { return path_ + ".anew"; }
  [[nodiscard]] std::optional<StoreFault> discard_unfinished();
  /// The unfinished one is whole and synced, and is at the path from now on.
  [[nodiscard]] std::optional<StoreFault> take_place();
  /// What a server that was killed had left to do of that.
  [[nodiscard]] std::optional<StoreFault> settle();

 private:
  [[nodiscard]] std::optional<StoreFault> move_old_away();

  std::string path_;
};

}  // namespace gman::sqlite
