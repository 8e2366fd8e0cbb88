// SPDX-License-Identifier: BSD-3-Clause
// What the writer's thread reads between one batch and the next.
#include <algorithm>
#include <array>
#include <utility>

#include "base/assert.hpp"
#include "server/store/missing.hpp"
#include "server/store/writer.hpp"

namespace gman {
namespace {

constexpr milliseconds fetch_pause{250};
constexpr milliseconds reading_max{20};
constexpr int fetch_tries_max = 3;
/// At once, so that commits need not wait for long.
constexpr std::size_t fetch_jobs_max = 256;
constexpr std::size_t unused_results_max = 16;
// With the pause after each: a quarter of a minute.
constexpr int fruitless_fetches_max = 60;

}  // namespace

// As long as the commit before took, so that neither waits for the other for long: what is run
// makes one and needs the other.
void StoreWriter::read_for(Instant::duration time) {
  const auto until =
      std::chrono::steady_clock::now() + std::min<Instant::duration>(time, reading_max);
  while (!wanted_.empty() && !ending_.load()) {
    const std::size_t count = std::min(wanted_.size(), fetch_jobs_max);
    const std::vector<JobNumber> next(wanted_.begin(), wanted_.begin() + count);
    wanted_.erase(wanted_.begin(), wanted_.begin() + count);
    auto result = unused_result();
    fetch(next, *result);
    if (result->fault) {
      result->unread.insert(result->unread.end(), wanted_.begin(), wanted_.end());
      wanted_.clear();
    }
    publish(std::move(result));
    if (!given_.empty() && std::chrono::steady_clock::now() >= until) return;
  }
}

void StoreWriter::give_up_reading() {
  if (wanted_.empty()) return;
  auto result = unused_result();
  result->unread.assign(wanted_.begin(), wanted_.end());
  wanted_.clear();
  publish(std::move(result));
}

std::unique_ptr<StoreWriter::Fetched> StoreWriter::unused_result() {
  for (auto& used : used_.take()) {
    if (unused_results_.size() < unused_results_max) unused_results_.push_back(std::move(used));
  }
  if (unused_results_.empty()) return std::make_unique<Fetched>();
  auto result = std::move(unused_results_.back());
  unused_results_.pop_back();
  result->jobs.clear();
  result->lost.clear();
  result->unread.clear();
  result->fault.reset();
  return result;
}

void StoreWriter::publish(std::unique_ptr<Fetched> result) {
  fetched_.give(std::move(result));
  tell();
}

// A store that is out of reach is asked again with a later batch, so that commits go on.
void StoreWriter::fetch(std::span<const JobNumber> wanted, Fetched& result) {
  result.fault = fetch_some(wanted, result);
  // SQLite says of some reads that fail that the file is damaged.
  const bool may_be_the_disk = result.fault && (result.fault->kind == StoreFault::Kind::failing ||
                                                result.fault->kind == StoreFault::Kind::damaged);
  if (may_be_the_disk) fetch_one_by_one(result);
  if (!result.fault) {
    fruitless_fetches_ = 0;
  } else if (!result.unread.empty()) {
    static_cast<void>(wait_before_next_try(fetch_pause));
  }
}

// The disk does not give something, and what is beside it may be sound. A disk that gives nothing
// at all is waited for: what cannot be read while it gives other things is lost, and so is, after a
// while, the one job that all others wait for.
void StoreWriter::fetch_one_by_one(Fetched& result) {
  std::vector<LostJob> unreadable;
  std::optional<JobNumber> readable;
  if (result.jobs.added_count() > 0) readable = result.jobs.added(0).number;
  for (const JobNumber number : std::exchange(result.unread, {})) {
    auto failed = fetch_some(std::array{number}, result);
    for (int tries = 1; failed && tries < fetch_tries_max; ++tries) {
      result.unread.clear();
      failed = fetch_some(std::array{number}, result);
    }
    result.unread.clear();
    if (failed) unreadable.push_back({number, "it cannot be read: " + failed->text});
    if (!failed) readable = number;
  }
  bool reads_some = readable.has_value();
  if (readable && !unreadable.empty()) {
    // The disk may have come back between two of them.
    std::erase_if(unreadable, [&](const LostJob& job) {
      const auto failed = fetch_some(std::array{job.number}, result);
      result.unread.clear();
      return !failed;
    });
    Fetched check;
    reads_some = !fetch_some(std::array{*readable}, check);
  }
  if (!reads_some && !unreadable.empty() && ++fruitless_fetches_ < fruitless_fetches_max) {
    for (const LostJob& job : unreadable) result.unread.push_back(job.number);
    return;
  }
  fruitless_fetches_ = 0;
  const std::size_t lost = reads_some ? unreadable.size() : 1;
  for (std::size_t i = 0; i < unreadable.size(); ++i) {
    if (i < lost) {
      result.lost.push_back(std::move(unreadable[i]));
    } else {
      result.unread.push_back(unreadable[i].number);
    }
  }
  if (result.unread.empty()) result.fault.reset();
}

std::optional<StoreFault> StoreWriter::fetch_some(std::span<const JobNumber> wanted,
                                                  Fetched& into) {
  std::vector<JobNumber> told;
  auto fault = store_->fetch(
      wanted,
      [&](const JobRecord& record) {
        told.push_back(record.number);
        into.jobs.add(record);
      },
      [&](JobNumber number, const std::string& why) {
        told.push_back(number);
        into.lost.push_back({number, why});
      });
  const std::vector<JobNumber> unread = missing_of(wanted, std::move(told));
  GMAN_ASSERT(fault || unread.empty());
  into.unread.insert(into.unread.end(), unread.begin(), unread.end());
  return fault;
}

}  // namespace gman
