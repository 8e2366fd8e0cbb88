// SPDX-License-Identifier: BSD-3-Clause
// Power cuts: after any of them the SQLite store has every batch whose commit it reported, and of
// the one that was under way all or nothing.
//
// Each seed is one history of a store over several power cuts. What a seed finds, one command
// replays: GMAN_SEED=123 bin/tests/unit_power_loss. GMAN_SEEDS=10000 tries so many.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>

#include "server/store/sqlite/sqlite_store.hpp"
#include "tests/unit/store/stored_job.hpp"
#include "tests/unit/store/volatile_disk.hpp"

namespace {
gman::store_test::VolatileDisk* disk_in_use = nullptr;
}  // namespace

// The store calls this for the system's, for the directory.
extern "C" __attribute__((visibility("default"))) int fsync(int) {
  if (disk_in_use != nullptr) disk_in_use->directory_is_synced();
  return 0;
}

namespace gman::store_test {
namespace {

namespace fs = std::filesystem;
using Contents = std::map<JobNumber, StoredJob>;

std::uint64_t number_in(const char* variable, std::uint64_t otherwise) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class History {
 public:
  explicit History(std::uint64_t seed) : dice_(seed), disk_(directory_.path, ~seed) {
    disk_in_use = &disk_;
  }
  ~History() { disk_in_use = nullptr; }
  History(const History&) = delete;
  History& operator=(const History&) = delete;

  VolatileDisk& disk() { return disk_; }

  /// What was found to be wrong; empty: nothing.
  std::string run() {
    for (std::uint64_t life = 0; life < 6; ++life) {
      if (dice_.one_in(2)) disk_.cut_at(short_or_long(4000));
      if (dice_.one_in(3)) disk_.cut_at_sync(short_or_long(60));
      if (dice_.one_in(4)) disk_.fail_sync(short_or_long(60));
      live();
      store_.reset();
      if (!wrong_.empty()) return wrong_;
      if (dice_.one_in(4)) {
        disk_.go_on();
        continue;
      }
      disk_.come_back();
      ++counts_.power_cuts;
    }
    live();
    store_.reset();
    return wrong_;
  }

  /// A sync fails, the process is killed before it can make that good, another goes on with what
  /// the kernel shows it, and then power fails.
  std::string run_kill_after_failed_sync() {
    begin_and_commit();
    disk_.fail_sync(1);
    under_way_ = contents_;
    if (!store_->commit(some_changes(under_way_, 1)))
      return "a commit with a failed sync succeeded";
    disk_.cut();
    store_.reset();
    disk_.go_on();
    begin_and_commit();
    disk_.cut();
    store_.reset();
    disk_.come_back();
    begin_and_commit();
    store_.reset();
    return wrong_;
  }

  struct Counts {
    std::uint64_t power_cuts = 0;
    std::uint64_t commits = 0;
    std::uint64_t batches_kept = 0;  ///< that were under way
    std::uint64_t batches_lost = 0;
    std::uint64_t written_anew = 0;
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  struct Directory {
    Directory() {
      std::string name = (fs::temp_directory_path() / "gman_power_loss.XXXXXX").string();
      if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error(name);
      path = name;
    }
    ~Directory() { fs::remove_all(path); }
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
    fs::path path;
  };

  std::uint64_t short_or_long(std::uint64_t most) {
    return dice_.between(1, dice_.one_in(2) ? most : most / 20);
  }

  /// One start of a server, up to its end or a power cut.
  void live() {
    if (!begin() || !look_at_contents()) return;
    for (std::uint64_t left = dice_.below(60); left > 0 && wrong_.empty(); --left) {
      under_way_ = contents_;
      const JobChanges changes = some_changes(under_way_);
      if (const auto fault = store_->commit(changes)) {
        expect_failing(*fault);
        if (dice_.one_in(4)) disk_.cut();
        if (disk_.is_cut() || !write_anew()) return;
      }
      contents_ = under_way_;
      ++counts_.commits;
    }
  }

  void begin_and_commit() {
    if (!begin() || !look_at_contents()) return;
    under_way_ = contents_;
    if (store_->commit(some_changes(under_way_, 1))) wrong_ = "a commit failed";
    contents_ = under_way_;
  }

  bool begin() {
    SqliteSettings settings;
    settings.log_bytes_max = 48 << 10;
    settings.copier_has_thread = false;
    settings.vfs = disk_.vfs_name();
    store_ = std::make_unique<SqliteStore>((directory_.path / "jobs.db").string(), settings);
    const auto begun = store_->begin("H:test");
    if (const auto* fault = std::get_if<StoreFault>(&begun)) {
      expect_failing(*fault);
      return false;
    }
    const std::uint32_t number = std::get<std::vector<StoreStart>>(begun).back().number;
    if (number <= start_) wrong_ = "a start's number came twice";
    start_ = number;
    return true;
  }

  void expect_failing(const StoreFault& fault) {
    if (fault.kind != StoreFault::Kind::failing && !disk_.is_cut()) wrong_ = fault.text;
  }

  /// As the server does, after a sync has failed.
  bool write_anew() {
    if (store_->start_over()) return false;
    JobChanges all;
    // What has been committed need not be in memory: half of it is in the old file alone.
    for (const auto& [number, job] : under_way_) {
      JobRecord record = job.whole();
      if (number % 2 == 1 && !record.workload.empty() && contents_.contains(number)) {
        record.away_bytes = static_cast<std::uint32_t>(record.workload.size());
        record.workload = {};
      }
      all.add(record);
    }
    if (store_->commit(all) ||
        store_->finish_starting_over([this](JobNumber number, const std::string& why) {
          wrong_ = std::to_string(number) + " was set aside: " + why;
        })) {
      return false;
    }
    ++counts_.written_anew;
    return true;
  }

  /// False: power failed meanwhile, or they are wrong.
  bool look_at_contents() {
    Contents found;
    const auto fault = store_->load(
        [&](const JobRecord& record) { found.emplace(record.number, StoredJob::of(record)); },
        [&](JobNumber number, const std::string& why) {
          wrong_ = "job " + std::to_string(number) + " was set aside: " + why;
        });
    if (fault) {
      expect_failing(*fault);
      return false;
    }
    if (found != contents_ && found != under_way_) {
      wrong_ = "there are " + std::to_string(found.size()) + " jobs where there were " +
               std::to_string(contents_.size()) + " or " + std::to_string(under_way_.size());
    }
    if (contents_ != under_way_) {
      ++(found == contents_ ? counts_.batches_lost : counts_.batches_kept);
    }
    contents_ = under_way_ = std::move(found);
    return wrong_.empty();
  }

  /// Also made to `contents`.
  JobChanges some_changes(Contents& contents, std::uint64_t added_min = 0) {
    JobChanges changes;
    for (std::uint64_t left = dice_.between(added_min, 9); left > 0; --left) {
      StoredJob job = simple_job(numbered(++jobs_, start_));
      job.workload.assign(dice_.one_in(8) ? dice_.below(30'000) : dice_.below(500),
                          static_cast<char>(jobs_));
      changes.add(job.whole());
      contents.emplace(job.record.number, job);
    }
    for (std::uint64_t left = dice_.below(4); left > 0 && !contents.empty(); --left) {
      StoredJob& job = std::next(contents.begin(), at_most(contents.size()))->second;
      job.record.position = numbered(++jobs_, start_);
      ++job.record.attempts_lost;
      changes.requeue({.number = job.record.number,
                       .position = job.record.position,
                       .attempts_lost = job.record.attempts_lost});
    }
    for (std::uint64_t left = dice_.below(12); left > 0 && !contents.empty(); --left) {
      const auto job = std::next(contents.begin(), at_most(contents.size()));
      changes.remove(job->first);
      contents.erase(job);
    }
    return changes;
  }
  std::ptrdiff_t at_most(std::size_t size) {
    return static_cast<std::ptrdiff_t>(dice_.below(size));
  }

  Directory directory_;
  sim::Dice dice_;
  VolatileDisk disk_;
  std::unique_ptr<SqliteStore> store_;
  Contents contents_;   ///< what was reported to be durable
  Contents under_way_;  ///< and what may be there instead
  std::string wrong_;
  std::uint32_t start_ = 0;
  std::uint64_t jobs_ = 0;
  Counts counts_;
};

TEST(power_loss, loses_nothing_that_was_committed_and_halves_no_batch) {
  const std::uint64_t first = number_in("GMAN_SEED", 1);
  const std::uint64_t count =
      number_in("GMAN_SEEDS", std::getenv("GMAN_SEED") != nullptr ? 1 : 200);
  History::Counts counts;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    History history(seed);
    const std::string wrong = history.run();
    ASSERT_EQ(wrong, "") << "replay it: GMAN_SEED=" << seed << " bin/tests/unit_power_loss";
    counts.power_cuts += history.counts().power_cuts;
    counts.commits += history.counts().commits;
    counts.batches_kept += history.counts().batches_kept;
    counts.batches_lost += history.counts().batches_lost;
    counts.written_anew += history.counts().written_anew;
  }
  std::cout << counts.power_cuts << " power cuts, " << counts.commits << " commits; under way "
            << counts.batches_kept << " kept and " << counts.batches_lost << " lost; "
            << counts.written_anew << " times written anew\n";
  if (count < 100) return;
  for (const std::uint64_t met : {counts.power_cuts, counts.commits, counts.batches_kept,
                                  counts.batches_lost, counts.written_anew}) {
    EXPECT_GT(met, count / 20);
  }
}

TEST(power_loss, after_a_failed_sync_and_a_kill_loses_nothing_of_what_came_later) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    History history(seed);
    ASSERT_EQ(history.run_kill_after_failed_sync(), "") << "seed " << seed;
  }
}

TEST(power_loss, is_noticed_here_on_a_disk_that_lies_about_its_syncs) {
  std::uint64_t noticed = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    History history(seed);
    history.disk().lie_about_syncs();
    if (!history.run().empty()) ++noticed;
  }
  EXPECT_GT(noticed, 10u);
}

}  // namespace
}  // namespace gman::store_test
