// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/sqlite/old_place.hpp"

#include "server/store/sqlite/job_row.hpp"

namespace gman::sqlite {
namespace {

// A disk that has just failed may fail a read and do the next one.
constexpr int reads_max = 3;

}  // namespace

std::optional<StoreFault> OldPlace::open() {
  if (auto failed = database_.open_to_look(Database::Look::shared)) return failed;
  return database_.prepare(select_, select_job);
}

std::string OldPlace::complete(JobRecord& record) {
  std::string why;
  for (int reads = 0; reads < reads_max; ++reads) {
    why = read(record);
    if (why.empty()) break;
  }
  return why;
}

std::string OldPlace::read(JobRecord& record) {
  if (!database_.is_open()) {
    if (auto failed = open()) {
      database_.close();
      return failed->text;
    }
  }
  select_.reset();
  select_.bind(1, stored(record.number));
  const int code = select_.step();
  if (code == SQLITE_DONE) return database_.path() + ": the old file does not have it";
  if (code != SQLITE_ROW) return database_.fault("reading a job", code).text;
  if (select_.has_unreadable_bytes()) {
    return database_.fault("reading a job", sqlite3_extended_errcode(database_.get())).text;
  }
  JobRecord old;
  if (const char* why = read_job(select_, old)) return database_.path() + ": " + why;
  if (old.function != record.function || old.unique != record.unique ||
      old.workload.size() != record.away_bytes) {
    return database_.path() + ": the old file has another job under its number";
  }
  record.workload = old.workload;
  return {};
}

}  // namespace gman::sqlite
