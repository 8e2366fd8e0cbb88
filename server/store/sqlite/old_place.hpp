// SPDX-License-Identifier: BSD-3-Clause
// OldPlace: a database that is not trusted any more, and is all that has some workloads.
//
// Its fsync has failed, so nobody knows which of its last pages are on the disk. A job's checksum
// says all the same whether what is read is what was stored: where it matches, the workload may be
// copied. Nothing else is taken from here: what changes about a job is in the engine's memory.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "server/store/sqlite/database.hpp"

namespace gman::sqlite {

class OldPlace {
 public:
  /// Opened when it is needed first.
  OldPlace(std::string path, int busy_wait_ms_max, std::string vfs)
      : path_(std::move(path)), vfs_(std::move(vfs)), busy_wait_ms_max_(busy_wait_ms_max) {}

  /// Puts the workload into a record without, where it lives until the next call. `why_not` says
  /// why this one cannot be had. A fault: nothing can be read now, and trying again may help.
  [[nodiscard]] std::optional<StoreFault> complete(JobRecord& record, std::string& why_not);

 private:
  [[nodiscard]] std::optional<StoreFault> open();
  /// SQLite's code, where it has failed.
  [[nodiscard]] int read(JobRecord& record, std::string& why_not);

  std::string path_;
  std::string vfs_;
  int busy_wait_ms_max_;
  std::optional<Database> database_;
  Statement select_;
};

}  // namespace gman::sqlite
