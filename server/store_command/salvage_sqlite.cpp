// SPDX-License-Identifier: BSD-3-Clause
// A table of SQLite's is a tree of pages, ordered by the rows' numbers. A row is found by its
// number as long as the pages on the way to it are readable, so damage is a gap between two
// numbers: what is beyond it is found by asking for greater and greater numbers, and then the gap
// is made as narrow as it can be. A gap that nothing comes after is the end.
//
// Each row has its checksum: what is read wrong is not taken for a job, but set aside.
#include "server/store_command/salvage_sqlite.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/store/sqlite/database_file.hpp"
#include "server/store/sqlite/files.hpp"
#include "server/store/sqlite/job_row.hpp"
#include "server/store/sqlite/onlooker.hpp"
#include "server/store_command/progress.hpp"

namespace gman {
namespace {

using sqlite::Database;
using sqlite::Statement;
using Fault = std::optional<StoreFault>;
using Row = std::int64_t;

constexpr Row first_row = std::numeric_limits<Row>::min();
constexpr Row last_row = std::numeric_limits<Row>::max();

/// Both ends belong to it: there may be rows with these numbers.
struct Gap {
  Row first, last;
};

/// Rows of a table between two numbers, ordered; and what lies between those that are readable.
// Requires of the statement: ?1 and ?2 are the numbers, and the row's number its first column.
class Walk {
 public:
  explicit Walk(Statement& rows) : rows_(rows) {}

  /// Those between two numbers. `take` returns SQLITE_DONE, or the error that ends it all.
  template <typename Take>
  int run(Row first, Row last, Take&& take) {
    last_ = last;
    Row next = first;
    while (true) {
      rows_.bind(1, next);
      rows_.bind(2, last);
      int code = SQLITE_ROW;
      bool is_last = false;
      while (!is_last && (code = rows_.step()) == SQLITE_ROW) {
        const Row row = rows_.integer(0);
        // Where pages are out of order, or a field lies on a page of its own that is damaged.
        if (row < next || row > last || rows_.has_unreadable_bytes()) break;
        if (const int taken = take(row); taken != SQLITE_DONE) {
          rows_.reset();
          return taken;
        }
        is_last = row == last;
        next = is_last ? row : row + 1;
      }
      rows_.reset();
      if (is_last || code == SQLITE_DONE) return SQLITE_DONE;
      const std::optional<Row> beyond = first_beyond(next);
      add_gap(next, beyond ? *beyond - 1 : last);
      if (!beyond) return SQLITE_DONE;
      next = *beyond;
    }
  }

  [[nodiscard]] const std::vector<Gap>& gaps() const { return gaps_; }

 private:
  enum class Found : std::uint8_t { row, nothing, damage };

  Found look_from(Row from) {
    rows_.bind(1, from);
    rows_.bind(2, last_);
    const int code = rows_.step();
    const bool is_row =
        code == SQLITE_ROW && rows_.integer(0) >= from && !rows_.has_unreadable_bytes();
    rows_.reset();
    if (is_row) return Found::row;
    return code == SQLITE_DONE ? Found::nothing : Found::damage;
  }

  /// The least number from which on there is no damage before the next row; nullopt: no row comes.
  // Requires: there is damage at `gap`.
  std::optional<Row> first_beyond(Row gap) {
    Row bad = gap;
    Row good = gap;
    Found found = Found::damage;
    for (std::uint64_t jump = 1; found == Found::damage; jump *= 2) {
      bad = good;
      if (bad == last_) return std::nullopt;
      good = bad + static_cast<Row>(std::min({jump, distance(bad, last_), jump_max}));
      found = look_from(good);
    }
    // The last jump may have gone over rows that lie between this gap and another one.
    constexpr std::uint64_t looks = 64;
    const std::uint64_t stride = std::max<std::uint64_t>(1, distance(bad, good) / looks);
    for (Row at = bad; distance(at, good) > stride;) {
      at += static_cast<Row>(stride);
      const Found there = look_from(at);
      if (there == Found::damage) {
        bad = at;
        continue;
      }
      good = at;
      found = there;
      break;
    }
    while (distance(bad, good) > 1) {
      const Row middle = bad + static_cast<Row>(distance(bad, good) / 2);
      const Found there = look_from(middle);
      (there == Found::damage ? bad : good) = middle;
      if (there != Found::damage) found = there;
    }
    return found == Found::row ? std::optional(good) : std::nullopt;
  }

  void add_gap(Row first, Row last) {
    if (!gaps_.empty() && gaps_.back().last + 1 == first) {
      gaps_.back().last = last;
    } else {
      gaps_.push_back({first, last});
    }
  }

  static constexpr std::uint64_t jump_max = std::uint64_t{1} << 62;
  static std::uint64_t distance(Row from, Row to) {
    return static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
  }

  Statement& rows_;
  Row last_ = last_row;
  std::vector<Gap> gaps_;
};

/// The file that is made, under another name until it is whole.
class Salvaged {
 public:
  explicit Salvaged(std::string path) : path_(std::move(path)), database_(path_ + ".new", 0) {}

  Fault make() {
    if (auto failed = sqlite::remove_file(database_.path())) return failed;
    if (auto failed = sqlite::remove_file(database_.path() + "-journal")) return failed;
    if (auto failed = sqlite::make_database_file(database_.path())) return failed;
    if (auto failed = database_.open()) return failed;
    if (auto failed = database_.write_without_syncs()) return failed;
    for (const auto& [statement, sql] : {
             std::pair{&add_, sqlite::insert_job},
             std::pair{&start_, sqlite::insert_start},
             std::pair{&aside_, "INSERT INTO set_aside (reason, since, " GMAN_JOB_COLUMNS
                                ") VALUES (?, coalesce(?, CURRENT_TIMESTAMP), ?, ?, ?, ?, ?, ?, ?,"
                                " ?, ?, ?, ?)"},
         }) {
      if (auto failed = database_.prepare(*statement, sql)) return failed;
    }
    return database_.execute("BEGIN");
  }

  int add(const JobRecord& job) {
    sqlite::bind_job(add_, job);
    return add_.run();
  }
  int add_start(Row number, std::string_view prefix) {
    start_.bind(1, number);
    start_.bind_text(2, prefix);
    return start_.run();
  }
  /// Of a row whose job fields begin at that column.
  int set_aside(Statement& row, int fields, const char* why) {
    aside_.bind_text(1, why);
    aside_.bind(2, std::nullopt);
    return set_aside_fields(row, fields);
  }
  /// As it was set aside before.
  int set_aside_again(Statement& row, int reason, int since, int fields) {
    aside_.bind_column(1, row, reason);
    aside_.bind_column(2, row, since);
    return set_aside_fields(row, fields);
  }
  StoreFault fault(int code) { return database_.fault("writing what was saved", code); }

  /// Now it is at its path, and whole.
  Fault finish() {
    if (auto failed = database_.execute("COMMIT")) return failed;
    if (auto failed = database_.sync()) return failed;
    if (auto failed = sqlite::rename_file(database_.path(), path_)) return failed;
    return sqlite::sync_directory_of(path_);
  }

 private:
  int set_aside_fields(Statement& row, int fields) {
    constexpr int job_columns = 11;
    for (int i = 0; i < job_columns; ++i) aside_.bind_column(3 + i, row, fields + i);
    return aside_.run();
  }

  std::string path_;
  Database database_;
  Statement add_, start_, aside_;
};

class Salvage {
 public:
  Salvage(Database& from, std::string to) : from_(from), into_path_(to), into_(std::move(to)) {}

  StoreCommandEnd run() {
    if (const auto failed = from_.execute("PRAGMA cell_size_check = ON")) note(failed->text);
    if (auto failed = into_.make()) return refuse(*failed);
    for (const auto step :
         {&Salvage::starts, &Salvage::jobs, &Salvage::name_starts, &Salvage::old_set_aside}) {
      if (auto failed = (this->*step)()) return refuse(*failed);
    }
    if (auto failed = into_.finish()) return refuse(*failed);
    report();
    return lost_.empty() ? StoreCommandEnd::good : StoreCommandEnd::damaged;
  }

 private:
  static StoreCommandEnd refuse(const StoreFault& fault) {
    std::fprintf(stderr, "gmand store salvage: %s\n", fault.text.c_str());
    return StoreCommandEnd::mistake;
  }
  void note(std::string what) { lost_.push_back(std::move(what)); }

  template <typename Take>
  Fault walk(const char* sql, const char* what, const std::set<Row>& bounds, Take&& take) {
    Statement rows;
    if (const auto failed = from_.prepare(rows, sql)) {
      note(std::string(what) + ": " + failed->text);
      return std::nullopt;
    }
    Walk walk(rows);
    int code = SQLITE_DONE;
    Row first = first_row;
    for (auto bound = bounds.begin(); code == SQLITE_DONE; ++bound) {
      const bool is_end = bound == bounds.end();
      code =
          walk.run(first, is_end ? last_row : *bound - 1, [&](Row row) { return take(rows, row); });
      if (is_end) break;
      first = *bound;
    }
    for (const Gap& gap : walk.gaps()) {
      note(std::string(what) + " " + std::to_string(sqlite::number_of(gap.first)) + " to " +
           (gap.last == last_row ? "the last" : std::to_string(sqlite::number_of(gap.last))));
    }
    if (code != SQLITE_DONE) return into_.fault(code);
    return std::nullopt;
  }

  Fault starts() {
    return walk(
        "SELECT number, handle_prefix FROM start WHERE number BETWEEN ?1 AND ?2"
        " ORDER BY number",
        "starts", {1, Row{store_starts_max} + 1}, [&](Statement& row, Row number) {
          if (number < 1 || number > Row{store_starts_max}) {
            note("a start has the number " + std::to_string(number));
            return SQLITE_DONE;
          }
          starts_.insert(number);
          return into_.add_start(number, row.bytes(1));
        });
  }

  void note_start_of(JobNumber job) {
    const auto number = static_cast<Row>(job >> job_number_start_shift);
    if (!starts_.contains(number)) starts_missing_.insert(number);
  }

  /// Their jobs are run, but the handles that clients have for them are not known any more.
  Fault name_starts() {
    for (const Row number : starts_missing_) {
      note("what the handles of start " + std::to_string(number) + " began with");
      const std::string prefix = "H:salvaged:" + std::to_string(number);
      if (const int code = into_.add_start(number, prefix); code != SQLITE_DONE) {
        return into_.fault(code);
      }
    }
    return std::nullopt;
  }

  Fault jobs() {
    Progress progress("saving jobs");
    std::set<Row> bounds{0};
    for (const Row number : starts_) {
      bounds.insert(static_cast<Row>(static_cast<std::uint64_t>(number) << job_number_start_shift));
      bounds.insert(
          static_cast<Row>(static_cast<std::uint64_t>(number + 1) << job_number_start_shift));
    }
    return walk(sqlite::select_jobs, "jobs", bounds, [&](Statement& row, Row) {
      JobRecord job;
      note_start_of(sqlite::number_of(row.integer(0)));
      if (const char* why = sqlite::read_job(row, job)) {
        ++set_aside_;
        note("job " + std::to_string(job.number) + ": " + why + "; it is set aside");
        return into_.set_aside(row, 0, why);
      }
      progress.at(++saved_);
      return into_.add(job);
    });
  }

  Fault old_set_aside() {
    return walk("SELECT id, reason, since, " GMAN_JOB_COLUMNS
                " FROM set_aside WHERE id BETWEEN ?1 AND ?2 ORDER BY id",
                "jobs that were set aside, rows", {1}, [&](Statement& row, Row) {
                  ++set_aside_;
                  return into_.set_aside_again(row, 1, 2, 3);
                });
  }

  void report() const {
    const std::string& path = from_.path();
    std::printf("saved %llu jobs to %s\n", static_cast<unsigned long long>(saved_),
                into_path_.c_str());
    if (set_aside_ != 0) {
      std::printf("set aside in its table set_aside: %llu\n",
                  static_cast<unsigned long long>(set_aside_));
    }
    for (const std::string& what : lost_) std::printf("damaged: %s\n", what.c_str());
    if (lost_.empty()) std::printf("nothing was damaged\n");
    std::printf(
        "%s is as it was. To go on with what was saved, while no server runs:\n"
        "  mv %s %s.damaged\n",
        path.c_str(), path.c_str(), path.c_str());
    if (sqlite::is_there(path + "-wal")) {
      std::printf("  mv %s-wal %s.damaged-wal\n", path.c_str(), path.c_str());
    }
    std::printf("  rm -f %s-shm\n  mv %s %s\n", path.c_str(), into_path_.c_str(), path.c_str());
  }

  Database& from_;
  std::string into_path_;
  Salvaged into_;
  std::set<Row> starts_, starts_missing_;
  std::vector<std::string> lost_;
  std::uint64_t saved_ = 0;
  std::uint64_t set_aside_ = 0;
};

}  // namespace

StoreCommandEnd salvage_sqlite(const std::string& path, const std::string& to) {
  const auto refuse = [](const std::string& why) {
    std::fprintf(stderr, "gmand store salvage: %s\n", why.c_str());
    return StoreCommandEnd::mistake;
  };
  if (sqlite::is_there(to)) return refuse(to + " is there already: move it away, or name --to");
  sqlite::Onlooker onlooker(path);
  const auto failed = onlooker.open(sqlite::Onlooker::Damage::borne);
  if (onlooker.server_has_it()) return refuse(path + " is in use by a server: end that first");
  if (failed && failed->kind == StoreFault::Kind::damaged) {
    std::printf("nothing can be read: %s\n", failed->text.c_str());
    return StoreCommandEnd::damaged;
  }
  if (failed) return refuse(failed->text);
  return Salvage(onlooker.database(), to).run();
}

}  // namespace gman
