// SPDX-License-Identifier: BSD-3-Clause
#include "server/store_command/check_sqlite.hpp"

#include <sqlite3.h>

#include <cstdint>
#include <cstdio>
#include <limits>

#include "server/store/sqlite/files.hpp"
#include "server/store/sqlite/job_row.hpp"
#include "server/store/sqlite/onlooker.hpp"
#include "server/store_command/progress.hpp"
#include "server/store_command/report.hpp"

namespace gman {
namespace {

using sqlite::Database;
using sqlite::Statement;

class Check {
 public:
  Check(const std::string& path, Database& database) : path_(path), database_(database) {}

  StoreCommandEnd run() {
    // One moment of it, whatever a server does meanwhile.
    if (const auto failed = database_.execute("BEGIN")) report_.complain(failed->text);
    check_pages();
    read_starts();
    read_jobs();
    read_set_aside();
    report_.print(path_);
    if (report_.is_sound()) return StoreCommandEnd::good;
    std::printf("`gmand store salvage sqlite:%s` saves what can be read.\n", path_.c_str());
    return StoreCommandEnd::damaged;
  }

 private:
  void check_pages() {
    Progress progress("checking the pages");
    sqlite3_progress_handler(
        database_.get(), 10'000,
        [](void* shown) {
          static_cast<Progress*>(shown)->tick();
          return 0;
        },
        &progress);
    Statement check;
    if (const auto failed = database_.prepare(check, "PRAGMA integrity_check(100)")) {
      report_.complain(failed->text);
    } else {
      int code = SQLITE_ROW;
      while ((code = check.step()) == SQLITE_ROW) {
        const std::string verdict(check.bytes(0));
        if (verdict != "ok") report_.complain(verdict);
      }
      if (code != SQLITE_DONE) report_.complain(database_.fault("checking the pages", code).text);
    }
    sqlite3_progress_handler(database_.get(), 0, nullptr, nullptr);
  }

  void read_starts() {
    Statement all;
    if (const auto failed = database_.prepare(all, sqlite::select_starts)) {
      return report_.complain(failed->text);
    }
    int code = SQLITE_ROW;
    while ((code = all.step()) == SQLITE_ROW) {
      const std::int64_t number = all.integer(0);
      if (number < 1 || number > store_starts_max) {
        report_.complain("a start has the number " + std::to_string(number) +
                         ", which none can have");
      }
      report_.add_start(static_cast<std::uint64_t>(number), all.bytes(1));
    }
    if (code != SQLITE_DONE) report_.complain(database_.fault("reading the starts", code).text);
  }

  void read_jobs() {
    Statement all;
    if (const auto failed = database_.prepare(all, sqlite::select_jobs)) {
      return report_.complain(failed->text);
    }
    all.bind(1, std::numeric_limits<std::int64_t>::min());
    all.bind(2, std::numeric_limits<std::int64_t>::max());
    Progress progress("reading the jobs");
    int code = SQLITE_ROW;
    while ((code = all.step()) == SQLITE_ROW) {
      JobRecord job;
      if (const char* why = sqlite::read_job(all, job)) {
        report_.complain("job " + std::to_string(job.number) + ": " + why);
        continue;
      }
      report_.count(job);
      progress.at(report_.jobs());
    }
    if (code != SQLITE_DONE) {
      report_.complain(database_.fault("reading the jobs", code).text + "; there may be more");
    }
    report_.complain_of_missing_starts();
  }

  void read_set_aside() {
    const auto count = database_.integer("SELECT count(*) FROM set_aside");
    if (const auto* failed = std::get_if<StoreFault>(&count)) return report_.complain(failed->text);
    report_.set_aside(static_cast<std::uint64_t>(std::get<std::int64_t>(count)));
  }

  const std::string& path_;
  Database& database_;
  StoreReport report_;
};

}  // namespace

StoreCommandEnd check_sqlite(const std::string& path) {
  if (sqlite::is_there(path + ".complete")) {
    std::printf("%s.complete takes its place when a server begins: that is the one to check\n",
                path.c_str());
  }
  sqlite::Onlooker onlooker(path);
  if (const auto failed = onlooker.open(sqlite::Onlooker::Damage::refused)) {
    if (failed->kind == StoreFault::Kind::damaged) {
      std::printf("damaged: %s\n%s: damaged\n", failed->text.c_str(), path.c_str());
      return StoreCommandEnd::damaged;
    }
    std::fprintf(stderr, "gmand store check: %s\n", failed->text.c_str());
    return StoreCommandEnd::mistake;
  }
  if (onlooker.server_has_it()) std::printf("a server has it; this is how it is now\n");
  return Check(path, onlooker.database()).run();
}

}  // namespace gman
