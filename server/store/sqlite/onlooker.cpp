// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/sqlite/onlooker.hpp"

#include <sys/stat.h>

#include <utility>

#include "server/store/sqlite/database_file.hpp"
#include "server/store/sqlite/files.hpp"

namespace gman::sqlite {

Onlooker::Onlooker(std::string path) : path_(std::move(path)) {}

Onlooker::~Onlooker() {
  database_.reset();
  if (makes_index_) static_cast<void>(remove_file(path_ + "-shm"));
}

std::optional<StoreFault> Onlooker::open(Damage damage) {
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0) {
    StoreFault failed = system_fault(path_, "looking at it");
    failed.kind = StoreFault::Kind::refused;
    return failed;
  }
  if (!S_ISREG(status.st_mode)) {
    return StoreFault{StoreFault::Kind::refused, path_ + ": is not a file"};
  }
  if (status.st_size < file_bytes_min) {
    return StoreFault{StoreFault::Kind::damaged,
                      path_ + ": has only " + std::to_string(status.st_size) + " bytes"};
  }
  server_has_it_ = !lock_.lock_to_look(path_);
  struct stat log {};
  const bool has_log = ::stat((path_ + "-wal").c_str(), &log) == 0 && log.st_size > 0;
  makes_index_ = has_log && !server_has_it_ && !is_there(path_ + "-shm");
  database_.emplace(path_, 2000);
  const auto look = has_log || server_has_it_ ? Database::Look::shared : Database::Look::immutable;
  if (auto failed = database_->open_to_look(look)) return failed;
  if (damage == Damage::borne) {
    if (auto failed = database_->execute("PRAGMA writable_schema = ON")) return failed;
  }
  return check_header(*database_);
}

}  // namespace gman::sqlite
