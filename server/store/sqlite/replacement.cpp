// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/sqlite/replacement.hpp"

#include "server/store/sqlite/files.hpp"

namespace gman::sqlite {
namespace {

std::string complete(const std::string& path) {
  return path + ".complete";
}
std::string untrusted(const std::string& path) {
  return path + ".untrusted";
}

}  // namespace

std::optional<StoreFault> Replacement::discard_unfinished() {
  if (auto failed = remove_file(unfinished() + "-journal")) return failed;
  return remove_file(unfinished());
}

std::optional<StoreFault> Replacement::take_place() {
  if (auto failed = rename_file(unfinished(), complete(path_))) return failed;
  if (auto failed = sync_directory_of(path_)) return failed;
  return settle();
}

std::optional<StoreFault> Replacement::settle() {
  if (!is_there(complete(path_))) return std::nullopt;
  if (auto failed = move_old_away()) return failed;
  if (auto failed = rename_file(complete(path_), path_)) return failed;
  return sync_directory_of(path_);
}

std::optional<StoreFault> Replacement::move_old_away() {
  if (is_there(path_)) {
    // Of an earlier one.
    if (auto failed = remove_file(untrusted(path_) + "-wal")) return failed;
    if (auto failed = remove_file(untrusted(path_) + "-shm")) return failed;
    if (auto failed = rename_file(path_, untrusted(path_))) return failed;
  }
  if (is_there(path_ + "-wal")) {
    if (auto failed = rename_file(path_ + "-wal", untrusted(path_) + "-wal")) return failed;
  }
  // Made anew from the log where it is missing.
  if (auto failed = remove_file(path_ + "-shm")) return failed;
  // The log's new name is on the disk before the new database has the old one's.
  return sync_directory_of(path_);
}

}  // namespace gman::sqlite
