// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/writer.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include "base/assert.hpp"
#include "server/store/missing.hpp"

namespace gman {
namespace {

constexpr milliseconds first_pause{10};
constexpr milliseconds longest_pause{1'000};
constexpr milliseconds fetch_pause{250};
constexpr milliseconds reading_max{20};
constexpr int fetch_tries_max = 3;
/// At once, so that commits need not wait for long.
constexpr std::size_t fetch_jobs_max = 256;
constexpr std::size_t unused_results_max = 16;
// With the pause after each: a quarter of a minute.
constexpr int fruitless_fetches_max = 60;

int new_event_fd() {
  const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  return fd;
}

void make_readable(int fd) {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(fd, &one, sizeof(one));
}

}  // namespace

StoreWriter::StoreWriter(std::unique_ptr<Store> store)
    : store_(std::move(store)),
      name_(store_->name()),
      news_fd_(new_event_fd()),
      end_fd_(new_event_fd()),
      spare_(std::make_unique<Batch>()),
      pause_(first_pause) {
  // Signals are the loop's.
  sigset_t all{};
  sigset_t before{};
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { work(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

StoreWriter::~StoreWriter() {
  ending_.store(true);
  make_readable(end_fd_);
  // A batch that nobody will look at wakes the thread if it waits for one.
  auto last = std::make_unique<Batch>();
  Batch* none = nullptr;
  if (given_.compare_exchange_strong(none, last.get())) given_.notify_one();
  thread_.join();
  delete done_.exchange(nullptr);
  Batch* const untouched = given_.exchange(nullptr);
  if (untouched != last.get()) delete untouched;
  delete fault_.exchange(nullptr);
  ::close(news_fd_);
  ::close(end_fd_);
}

void StoreWriter::write(std::uint64_t batch, JobChanges& changes, std::vector<JobNumber> wanted) {
  GMAN_ASSERT(spare_ != nullptr);
  spare_->wanted = std::move(wanted);
  give(batch, changes, std::nullopt);
}

void StoreWriter::write_anew(Part part, std::uint64_t batch, JobChanges& changes) {
  give(batch, changes, part);
}

void StoreWriter::give(std::uint64_t batch, JobChanges& changes, std::optional<Part> part) {
  GMAN_ASSERT(spare_ != nullptr);
  spare_->number = batch;
  if (std::exchange(spare_->is_unwritten, false) && !part) {
    spare_->changes.append(changes);
    changes.clear();
  } else {
    spare_->changes.clear();
    std::swap(spare_->changes, changes);
  }
  spare_->part = part;
  spare_->fault.reset();
  spare_->lost.clear();
  given_.store(spare_.release());
  given_.notify_one();
}

std::optional<StoreWriter::News> StoreWriter::take_news() {
  if (Batch* const done = done_.exchange(nullptr)) {
    spare_.reset(done);
    // A fault that was mended meanwhile is no news.
    delete fault_.exchange(nullptr);
    if (done->is_unwritten) return Full{*done->fault};
    if (done->fault) return Lost{*done->fault};
    const bool is_unfinished = done->part == Part::first || done->part == Part::middle;
    if (is_unfinished) return WrittenAnew{};
    return Stored{done->number, std::exchange(done->lost, {})};
  }
  if (fetched_here_.empty()) {
    for (auto& fetched : fetched_.take()) fetched_here_.push_back(std::move(fetched));
  }
  if (!fetched_here_.empty()) {
    News next = std::move(fetched_here_.front());
    fetched_here_.pop_front();
    return next;
  }
  if (const std::unique_ptr<StoreFault> fault{fault_.exchange(nullptr)}) return Failing{*fault};
  std::uint64_t count = 0;
  [[maybe_unused]] const auto read = ::read(news_fd_, &count, sizeof(count));
  // What came between the looks above and the read.
  if (done_.load() != nullptr || fault_.load() != nullptr || !fetched_.empty()) {
    return take_news();
  }
  return std::nullopt;
}

// ---- The store's thread

void StoreWriter::work() {
  while (true) {
    if (wanted_.empty()) given_.wait(nullptr);
    if (ending_.load()) return;
    const auto began = std::chrono::steady_clock::now();
    if (Batch* const batch = given_.exchange(nullptr)) {
      wanted_.insert(wanted_.end(), batch->wanted.begin(), batch->wanted.end());
      batch->wanted.clear();
      commit(*batch);
      if (batch->fault && !batch->is_unwritten) give_up_reading();
      done_.store(batch);
      tell();
    }
    read_for(std::chrono::steady_clock::now() - began);
  }
}

// As long as the commit before took, but not for long, so that neither waits for the other for
// long: what is run makes one and needs the other.
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
    if (given_.load() != nullptr && std::chrono::steady_clock::now() >= until) return;
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
  bool reads_some = result.jobs.added_count() > 0;
  for (const JobNumber number : std::exchange(result.unread, {})) {
    auto failed = fetch_some(std::array{number}, result);
    for (int tries = 1; failed && tries < fetch_tries_max; ++tries) {
      result.unread.clear();
      failed = fetch_some(std::array{number}, result);
    }
    result.unread.clear();
    if (failed) unreadable.push_back({number, "it cannot be read: " + failed->text});
    reads_some |= !failed;
  }
  if (!reads_some && ++fruitless_fetches_ < fruitless_fetches_max) {
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

void StoreWriter::commit(Batch& batch) {
  while (auto fault = batch.part ? write_part(batch) : write_batch(batch)) {
    const bool is_lost = batch.part || fault->kind == StoreFault::Kind::failing;
    batch.is_unwritten = !is_lost && fault->kind == StoreFault::Kind::full;
    const bool comes_back = is_lost || batch.is_unwritten;
    if (comes_back) {
      batch.fault = std::move(fault);
    } else {
      delete fault_.exchange(new StoreFault(std::move(*fault)));
      tell();
    }
    const bool goes_on = wait_before_next_try(pause_);
    pause_ = std::min(2 * pause_, longest_pause);
    if (comes_back || !goes_on) return;
  }
  pause_ = first_pause;
}

/// What ends jobs gets through where there is no room for new ones.
std::optional<StoreFault> StoreWriter::write_batch(Batch& batch) {
  auto fault = store_->commit(batch.changes);
  if (!fault || fault->kind != StoreFault::Kind::full) return fault;
  const JobChanges ending = batch.changes.without_added();
  if (ending.empty() || batch.changes.added_count() == 0) return fault;
  if (auto still = store_->commit(ending)) return still;
  batch.changes.keep_only_added();
  return store_->commit(batch.changes);
}

std::optional<StoreFault> StoreWriter::write_part(Batch& batch) {
  if (batch.part == Part::first || batch.part == Part::only) {
    if (auto fault = store_->start_over()) return fault;
  }
  if (auto fault = store_->commit(batch.changes)) return fault;
  if (batch.part == Part::first || batch.part == Part::middle) return std::nullopt;
  return store_->finish_starting_over([&batch](JobNumber number, const std::string& why) {
    batch.lost.push_back({number, why});
  });
}

void StoreWriter::tell() {
  make_readable(news_fd_);
}

bool StoreWriter::wait_before_next_try(milliseconds pause) const {
  pollfd end{.fd = end_fd_, .events = POLLIN, .revents = 0};
  ::poll(&end, 1, static_cast<int>(pause.count()));
  return !ending_.load();
}

}  // namespace gman
