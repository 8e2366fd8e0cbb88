// SPDX-License-Identifier: BSD-3-Clause
// OldPlace: a database that is not trusted any more, and is all that has some workloads.
//
// Its fsync has failed, so nobody knows which of its last pages are on the disk. A job's checksum
// says all the same whether what is read is what was stored: where it matches, the workload may be
// copied. Nothing else is taken from here: what changes about a job is in the engine's memory.
#pragma once

#include <string>

#include "server/store/sqlite/database.hpp"

namespace gman::sqlite {

class OldPlace {
 public:
  /// Opened when it is needed first.
  OldPlace(std::string path, int busy_wait_ms_max, std::string vfs)
      : database_(std::move(path), busy_wait_ms_max, std::move(vfs)) {}

  /// Puts the workload into a record without. Why it cannot; empty: it is there, until the next
  /// call.
  [[nodiscard]] std::string complete(JobRecord& record);

 private:
  [[nodiscard]] std::optional<StoreFault> open();
  [[nodiscard]] std::string read(JobRecord& record);

  Database database_;
  Statement select_;
};

}  // namespace gman::sqlite
