// SPDX-License-Identifier: BSD-3-Clause
#include "server/store_command/check.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <map>
#include <optional>
#include <vector>

#include "server/store/sqlite/files.hpp"
#include "server/store/sqlite/job_row.hpp"
#include "server/store/sqlite/onlooker.hpp"
#include "server/store_command/progress.hpp"

namespace gman {
namespace {

using sqlite::Database;
using sqlite::Statement;

constexpr std::size_t complaints_shown_max = 20;

/// For a terminal: a function's name may be any bytes.
std::string shown(std::string_view name) {
  std::string text;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7F) {
      text += c;
    } else {
      std::array<char, 8> hex{};
      std::snprintf(hex.data(), hex.size(), "\\x%02x", byte);
      text += hex.data();
    }
  }
  return text;
}

class Check {
 public:
  Check(const std::string& path, Database& database) : path_(path), database_(database) {}

  StoreCommandEnd run() {
    // One moment of it, whatever a server does meanwhile.
    if (const auto failed = database_.execute("BEGIN")) complain(failed->text);
    check_pages();
    read_starts();
    read_jobs();
    read_set_aside();
    report();
    return complaints_ == 0 ? StoreCommandEnd::good : StoreCommandEnd::damaged;
  }

 private:
  struct Function {
    std::array<std::uint64_t, priority_count> waiting{};
    std::uint64_t delayed = 0;
  };

  void complain(const std::string& what) {
    if (++complaints_ <= complaints_shown_max) std::printf("damaged: %s\n", what.c_str());
  }

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
      complain(failed->text);
    } else {
      int code = SQLITE_ROW;
      while ((code = check.step()) == SQLITE_ROW) {
        const std::string verdict(check.bytes(0));
        if (verdict != "ok") complain(verdict);
      }
      if (code != SQLITE_DONE) complain(database_.fault("checking the pages", code).text);
    }
    sqlite3_progress_handler(database_.get(), 0, nullptr, nullptr);
  }

  void read_starts() {
    Statement all;
    if (const auto failed =
            database_.prepare(all, "SELECT number, handle_prefix FROM start ORDER BY number")) {
      return complain(failed->text);
    }
    int code = SQLITE_ROW;
    while ((code = all.step()) == SQLITE_ROW) {
      const std::int64_t number = all.integer(0);
      if (number < 1 || number > store_starts_max) {
        complain("a start has the number " + std::to_string(number) + ", which none can have");
      }
      prefixes_[static_cast<std::uint64_t>(number)] = all.bytes(1);
    }
    if (code != SQLITE_DONE) complain(database_.fault("reading the starts", code).text);
  }

  void read_jobs() {
    Statement all;
    if (const auto failed = database_.prepare(all, sqlite::select_jobs)) {
      return complain(failed->text);
    }
    all.bind(1, std::numeric_limits<std::int64_t>::min());
    all.bind(2, std::numeric_limits<std::int64_t>::max());
    Progress progress("reading the jobs");
    int code = SQLITE_ROW;
    while ((code = all.step()) == SQLITE_ROW) {
      JobRecord job;
      if (const char* why = sqlite::read_job(all, job)) {
        complain("job " + std::to_string(job.number) + ": " + why);
        continue;
      }
      count(job);
      progress.at(++jobs_);
    }
    if (code != SQLITE_DONE) {
      complain(database_.fault("reading the jobs", code).text + "; there may be more");
    }
    for (const auto& [start, jobs] : of_start_) {
      if (prefixes_.contains(start)) continue;
      complain("start " + std::to_string(start) + " is missing, and " + std::to_string(jobs) +
               " jobs are of it");
    }
  }

  void count(const JobRecord& job) {
    // Found without making a name of it, for most.
    auto function = functions_.find(job.function);
    if (function == functions_.end()) {
      function = functions_.try_emplace(std::string(job.function)).first;
    }
    if (job.due_ms) {
      ++function->second.delayed;
    } else {
      ++function->second.waiting[static_cast<std::size_t>(job.priority)];
    }
    ++of_start_[job.number >> job_number_start_shift];
  }

  void read_set_aside() {
    const auto count = database_.integer("SELECT count(*) FROM set_aside");
    if (const auto* failed = std::get_if<StoreFault>(&count)) return complain(failed->text);
    set_aside_ = std::get<std::int64_t>(count);
  }

  void report() const {
    std::printf("%s: %s\n", path_.c_str(), complaints_ == 0 ? "sound" : "damaged");
    std::printf("jobs: %llu\n", static_cast<unsigned long long>(jobs_));
    if (!functions_.empty()) {
      std::printf("%10s %10s %10s %10s  function\n", "high", "normal", "low", "delayed");
    }
    for (const auto& [name, function] : functions_) {
      for (const std::uint64_t waiting : function.waiting) {
        std::printf("%10llu ", static_cast<unsigned long long>(waiting));
      }
      std::printf("%10llu  %s\n", static_cast<unsigned long long>(function.delayed),
                  shown(name).c_str());
    }
    std::printf("starts of a server: %zu\n", prefixes_.size());
    for (const auto& [number, prefix] : prefixes_) {
      const auto jobs = of_start_.find(number);
      std::printf("%10llu %s: %llu jobs\n", static_cast<unsigned long long>(number),
                  shown(prefix).c_str(),
                  static_cast<unsigned long long>(jobs == of_start_.end() ? 0 : jobs->second));
    }
    std::printf("set aside: %lld\n", static_cast<long long>(set_aside_));
    if (complaints_ > complaints_shown_max) {
      std::printf("%zu more complaints are not shown\n", complaints_ - complaints_shown_max);
    }
    if (complaints_ != 0) {
      std::printf("`gmand store salvage sqlite:%s` saves what can be read.\n", path_.c_str());
    }
  }

  const std::string& path_;
  Database& database_;
  std::map<std::string, Function, std::less<>> functions_;
  std::map<std::uint64_t, std::string> prefixes_;
  std::map<std::uint64_t, std::uint64_t> of_start_;
  std::uint64_t jobs_ = 0;
  std::int64_t set_aside_ = 0;
  std::size_t complaints_ = 0;
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
