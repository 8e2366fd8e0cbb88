// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/writer.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include "base/assert.hpp"

namespace gman {
namespace {

constexpr milliseconds first_pause{10};
constexpr milliseconds longest_pause{1'000};

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
      can_be_taken_(store_->can_be_taken()),
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

void StoreWriter::write(std::uint64_t batch, JobChanges& changes) {
  give(batch, changes, std::nullopt);
}

void StoreWriter::write_anew(Part part, std::uint64_t batch, JobChanges& changes) {
  give(batch, changes, part);
}

void StoreWriter::look() {
  GMAN_ASSERT(spare_ != nullptr && !spare_->is_unwritten);
  spare_->is_look = true;
  spare_->part.reset();
  is_looking_ = true;
  hand_over();
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
  spare_->is_look = false;
  hand_over();
}

void StoreWriter::hand_over() {
  spare_->fault.reset();
  given_.store(spare_.release());
  given_.notify_one();
}

std::optional<StoreWriter::News> StoreWriter::take_news() {
  if (Batch* const done = done_.exchange(nullptr)) {
    spare_.reset(done);
    is_looking_ = false;
    // A fault that was mended meanwhile is no news.
    delete fault_.exchange(nullptr);
    if (done->is_unwritten) return Full{*done->fault};
    if (done->fault && done->fault->kind == StoreFault::Kind::fenced) return Taken{*done->fault};
    if (done->fault) return Lost{*done->fault};
    if (done->is_look) return Kept{};
    const bool is_unfinished = done->part == Part::first || done->part == Part::middle;
    if (is_unfinished) return WrittenAnew{};
    return Stored{done->number};
  }
  if (const std::unique_ptr<StoreFault> fault{fault_.exchange(nullptr)}) return Failing{*fault};
  std::uint64_t count = 0;
  [[maybe_unused]] const auto read = ::read(news_fd_, &count, sizeof(count));
  // What came between the looks above and the read.
  if (done_.load() != nullptr || fault_.load() != nullptr) return take_news();
  return std::nullopt;
}

// ---- The store's thread

void StoreWriter::work() {
  while (true) {
    given_.wait(nullptr);
    if (ending_.load()) return;
    Batch* const batch = given_.exchange(nullptr);
    commit(*batch);
    done_.store(batch);
    tell();
  }
}

void StoreWriter::commit(Batch& batch) {
  while (auto fault = attempt(batch)) {
    if (fault->kind == StoreFault::Kind::fenced) {
      batch.fault = std::move(fault);
      return;
    }
    const bool is_lost = batch.part || fault->kind == StoreFault::Kind::failing;
    batch.is_unwritten = !is_lost && !batch.is_look && fault->kind == StoreFault::Kind::full;
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

std::optional<StoreFault> StoreWriter::attempt(Batch& batch) {
  if (batch.is_look) return store_->keep();
  return batch.part ? write_part(batch) : write_batch(batch);
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

std::optional<StoreFault> StoreWriter::write_part(const Batch& batch) {
  if (batch.part == Part::first || batch.part == Part::only) {
    if (auto fault = store_->start_over()) return fault;
  }
  if (auto fault = store_->commit(batch.changes)) return fault;
  if (batch.part == Part::first || batch.part == Part::middle) return std::nullopt;
  return store_->finish_starting_over();
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
