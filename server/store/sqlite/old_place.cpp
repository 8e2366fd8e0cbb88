// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/sqlite/old_place.hpp"

#include "server/store/sqlite/job_row.hpp"

namespace gman::sqlite {
namespace {

// A disk that has just failed may fail a read and do the next one.
constexpr int reads_max = 3;

}  // namespace

// A connection that has met a fault remembers it: each try has one of its own.
std::optional<StoreFault> OldPlace::open() {
  select_ = {};
  database_.emplace(path_, busy_wait_ms_max_, vfs_);
  auto failed = database_->open_to_look(Database::Look::shared);
  if (!failed) failed = database_->prepare(select_, select_job);
  if (!failed) return std::nullopt;
  select_ = {};
  database_.reset();
  return failed;
}

// Where one job cannot be read and the file can be opened again, it is that job's page that is bad.
// Where the file cannot, it is the disk.
std::optional<StoreFault> OldPlace::complete(JobRecord& record, std::string& why_not) {
  for (int reads = 0; reads < reads_max; ++reads) {
    if (!database_) {
      if (auto failed = open()) return failed;
    }
    const int code = read(record, why_not);
    if (code == SQLITE_ROW || code == SQLITE_DONE) return std::nullopt;
    why_not = database_->fault("reading a job", code).text;
    select_ = {};
    database_.reset();
  }
  return open();
}

int OldPlace::read(JobRecord& record, std::string& why_not) {
  select_.reset();
  select_.bind(1, stored(record.number));
  const int code = select_.step();
  why_not = path_ + ": ";
  if (code == SQLITE_DONE) why_not += "the old file does not have it";
  if (code != SQLITE_ROW) return code;
  if (select_.has_unreadable_bytes()) return sqlite3_extended_errcode(database_->get());
  JobRecord old;
  if (const char* why = read_job(select_, old)) {
    why_not += why;
  } else if (old.function != record.function || old.unique != record.unique ||
             old.workload.size() != record.away_bytes) {
    why_not += "the old file has another job under its number";
  } else {
    record.workload = old.workload;
    why_not.clear();
  }
  return code;
}

}  // namespace gman::sqlite
