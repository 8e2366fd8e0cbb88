// SPDX-License-Identifier: BSD-3-Clause
// A queue is imported once: the store notes from where, before the first job is written. Without
// that note, a second import would run again what was done in between. Whoever says --again, after
// an import that was cut short, gets only what does not wait in the store by now.
#include "server/store_command/import.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "server/store/sqlite/database.hpp"
#include "server/store/sqlite/sqlite_store.hpp"
#include "server/store_command/left_queue.hpp"
#include "server/store_command/progress.hpp"

namespace gman {
namespace {

using Fault = std::optional<StoreFault>;

constexpr std::size_t batch_jobs_max = 10'000;
constexpr std::size_t batch_bytes_max = std::size_t{16} << 20;

unsigned long long printed(std::uint64_t number) {
  return number;
}

/// What was imported into a store: in a table of its own, for people as well.
class Notes {
 public:
  explicit Notes(const std::string& path) : database_(path, 2000) {}

  Fault open() {
    if (auto failed = database_.open()) return failed;
    if (auto failed =
            database_.execute("CREATE TABLE IF NOT EXISTS import (source TEXT NOT NULL,"
                              " since TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP, jobs INTEGER)")) {
      return failed;
    }
    for (const auto& [statement, sql] : {
             std::pair{&find_,
                       "SELECT since, jobs FROM import WHERE source = ? ORDER BY since DESC"},
             std::pair{&begin_, "INSERT INTO import (source) VALUES (?)"},
             std::pair{&end_, "UPDATE import SET jobs = ?2 WHERE source = ?1 AND jobs IS NULL"},
         }) {
      if (auto failed = database_.prepare(*statement, sql)) return failed;
    }
    return std::nullopt;
  }

  /// When this was imported, and whether it came to its end; empty: never.
  std::string earlier(const std::string& source) {
    find_.bind_text(1, source);
    std::string when;
    if (find_.step() == SQLITE_ROW) {
      when = find_.bytes(0);
      when += find_.type(1) == SQLITE_NULL ? " UTC, and did not come to its end"
                                           : " UTC, " + std::to_string(find_.integer(1)) + " jobs";
    }
    find_.reset();
    return when;
  }

  Fault begin(const std::string& source) {
    begin_.bind_text(1, source);
    return done(begin_.run());
  }
  Fault end(const std::string& source, std::uint64_t jobs) {
    end_.bind_text(1, source);
    end_.bind(2, static_cast<std::int64_t>(jobs));
    return done(end_.run());
  }

 private:
  Fault done(int code) {
    if (code == SQLITE_DONE) return std::nullopt;
    return database_.fault("noting the import", code);
  }

  sqlite::Database database_;
  sqlite::Statement find_, begin_, end_;
};

class Import {
 public:
  Import(const ImportWords& words, LeftQueue& queue)
      : words_(words), queue_(queue), store_(words.path), notes_(words.path) {}

  StoreCommandEnd run() {
    if (const auto failed = prepare()) return refuse(failed->text);
    if (const auto failed = take_all()) {
      return refuse(failed->text + "\n" + std::to_string(imported_) +
                    " jobs are in the store; the same command with --again adds the others");
    }
    std::printf("imported %llu jobs from %s\n", printed(imported_), queue_.name().c_str());
    if (delayed_ != 0) std::printf("of these, run at a later time: %llu\n", printed(delayed_));
    if (left_out_ != 0) {
      std::printf("left out, because the store has them: %llu\n", printed(left_out_));
    }
    if (odd_ != 0) {
      std::printf("with a priority that gearmand does not have, taken as normal: %llu\n",
                  printed(odd_));
    }
    std::printf("That table is as it was, and gearmand must not be started on it again.\n");
    return StoreCommandEnd::good;
  }

 private:
  static StoreCommandEnd refuse(const std::string& why) {
    std::fprintf(stderr, "gmand store import: %s\n", why.c_str());
    return StoreCommandEnd::mistake;
  }

  Fault prepare() {
    // Every import's own, as every start of a server has its own.
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto starts = store_.begin(
        "H:import:" +
        std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(now).count()));
    if (const auto* failed = std::get_if<StoreFault>(&starts)) return *failed;
    const auto& last = std::get<std::vector<StoreStart>>(starts).back();
    next_ = JobNumber{last.number} << job_number_start_shift;
    if (auto failed = notes_.open()) return failed;
    const std::string earlier = notes_.earlier(queue_.name());
    if (!earlier.empty() && !words_.again) {
      return StoreFault{StoreFault::Kind::refused,
                        queue_.name() + " was imported before: " + earlier +
                            "\nwith --again, what does not wait in the store now is imported; "
                            "what was done since then would run a second time"};
    }
    if (const std::string users = queue_.users(); !users.empty()) {
      std::fprintf(stderr,
                   "gmand store import: warning: %s: in use by %s; a gearmand that goes on with it "
                   "runs these jobs as well\n",
                   queue_.name().c_str(), users.c_str());
    }
    if (auto failed = store_.load(
            [&](const JobRecord& job) {
              known_.insert(key_of(job.function, job.unique, job.workload));
            },
            [](JobNumber, const std::string&) {})) {
      return failed;
    }
    return notes_.begin(queue_.name());
  }

  Fault take_all() {
    Progress progress("importing jobs");
    if (auto failed = queue_.read([&](const LeftJob& job) {
          progress.at(imported_ + changes_.added_count());
          return take(job);
        })) {
      return failed;
    }
    if (auto failed = commit()) return failed;
    return notes_.end(queue_.name(), imported_);
  }

  Fault take(const LeftJob& left) {
    const bool is_known = known_.contains(key_of(left.function, left.unique, left.workload));
    // Jobs without a unique may be equal, and still be two.
    if (is_known && (has_unique(left.unique) || words_.again)) {
      ++left_out_;
      return std::nullopt;
    }
    const bool is_odd = left.priority < 0 || left.priority >= std::int64_t{priority_count};
    const JobNumber number = next_++;
    JobRecord job{.number = number,
                  .position = number,
                  // 0 is no handle's.
                  .handle_number = (number & ((JobNumber{1} << job_number_start_shift) - 1)) + 1,
                  .priority = is_odd ? Priority::normal : static_cast<Priority>(left.priority),
                  .function = left.function,
                  .unique = left.unique,
                  .workload = left.workload};
    if (left.when_to_run > 0) job.due_ms = left.when_to_run * 1000;
    odd_ += is_odd ? 1 : 0;
    delayed_ += job.due_ms ? 1 : 0;
    changes_.add(job);
    const bool is_full =
        changes_.added_count() >= batch_jobs_max || changes_.text_bytes() >= batch_bytes_max;
    return is_full ? commit() : std::nullopt;
  }

  Fault commit() {
    if (auto failed = store_.commit(changes_)) return failed;
    imported_ += changes_.added_count();
    changes_.clear();
    return std::nullopt;
  }

  /// "-" stands for the workload.
  static bool has_unique(std::string_view unique) { return !unique.empty(); }
  static std::string key_of(std::string_view function, std::string_view unique,
                            std::string_view workload) {
    std::string key(function);
    key.append(1, '\0').append(unique);
    if (unique.empty() || unique == "-") key.append(1, '\0').append(workload);
    return key;
  }

  const ImportWords& words_;
  LeftQueue& queue_;
  SqliteStore store_;
  Notes notes_;
  std::set<std::string, std::less<>> known_;
  JobChanges changes_;
  JobNumber next_ = 0;
  std::uint64_t imported_ = 0;
  std::uint64_t delayed_ = 0;
  std::uint64_t left_out_ = 0;
  std::uint64_t odd_ = 0;
};

}  // namespace

StoreCommandEnd import_into_sqlite(const ImportWords& words) {
  auto queue = open_left_queue(words.from, words.table);
  if (const auto* failed = std::get_if<StoreFault>(&queue)) {
    std::fprintf(stderr, "gmand store import: %s\n", failed->text.c_str());
    return StoreCommandEnd::mistake;
  }
  return Import(words, *std::get<std::unique_ptr<LeftQueue>>(queue)).run();
}

}  // namespace gman
