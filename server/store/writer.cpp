// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/writer.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/assert.hpp"
#include "base/thread.hpp"

namespace gman {
namespace {

constexpr milliseconds first_pause{10};
constexpr milliseconds longest_pause{1'000};
/// Pieces whose memory is kept for the next ones.
constexpr std::size_t spare_max = 64;

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
      pause_(first_pause) {
  thread_ = start_thread([this] { work(); });
}

StoreWriter::~StoreWriter() {
  ending_.store(true);
  make_readable(end_fd_);
  JobChanges none;
  give(none, {});  // wakes the thread if it waits for something
  thread_.join();
  delete fault_.exchange(nullptr);
  ::close(news_fd_);
  ::close(end_fd_);
}

void StoreWriter::prepare(JobChanges& changes) {
  GMAN_ASSERT(is_idle());
  if (unwritten_ != nullptr) {
    unwritten_->changes.append(changes);
    return changes.clear();
  }
  has_prepared_ = true;
  give(changes, {});
}

void StoreWriter::write(std::uint64_t batch, JobChanges& changes, ToFollow then) {
  GMAN_ASSERT(is_idle());
  is_writing_ = true;
  has_prepared_ = false;
  if (unwritten_ != nullptr) {
    unwritten_->changes.append(changes);
    std::swap(unwritten_->changes, changes);
    spare_.push_back(std::move(unwritten_));
  }
  give(changes, {.batch = batch, .then = std::move(then)});
}

void StoreWriter::write_anew(Part part, std::uint64_t batch, JobChanges& changes) {
  GMAN_ASSERT(is_idle());
  is_writing_ = true;
  unwritten_.reset();
  give(changes, {.batch = batch, .part = part});
}

void StoreWriter::look() {
  GMAN_ASSERT(is_idle() && !has_unwritten());
  is_writing_ = true;
  is_looking_ = true;
  JobChanges none;
  give(none, {.batch = 0, .is_look = true});
}

void StoreWriter::give(JobChanges& changes, Use use) {
  std::unique_ptr<Piece> piece;
  if (spare_.empty()) {
    piece = std::make_unique<Piece>();
  } else {
    piece = std::move(spare_.back());
    spare_.pop_back();
    piece->changes.clear();
  }
  std::swap(piece->changes, changes);
  piece->batch = use.batch;
  piece->part = use.part;
  piece->is_look = use.is_look;
  piece->then = std::move(use.then);
  given_.give(std::move(piece));
}

std::optional<StoreWriter::News> StoreWriter::take_news() {
  for (const auto& done : done_.take()) {
    is_writing_ = false;
    is_looking_ = false;
    // A fault that was mended meanwhile is no news.
    delete fault_.exchange(nullptr);
    if (done->is_unwritten) {
      unwritten_ = std::move(done->pieces.front());
      return Full{*done->fault};
    }
    for (auto& piece : done->pieces) {
      if (spare_.size() < spare_max) spare_.push_back(std::move(piece));
    }
    if (done->fault && done->fault->kind == StoreFault::Kind::fenced) return Taken{*done->fault};
    if (done->fault) return Lost{*done->fault};
    if (done->is_look) return Kept{};
    const bool is_unfinished = done->part == Part::first || done->part == Part::middle;
    if (is_unfinished) return WrittenAnew{};
    return Stored{done->batch, std::move(done->lost)};
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
  if (!done_.empty() || fault_.load() != nullptr || !fetched_.empty()) return take_news();
  return std::nullopt;
}

// ---- The store's thread

void StoreWriter::work() {
  while (!ending_.load()) {
    // What is prepared has to be ended before anything can be read.
    if (wanted_.empty() || !batch_.empty()) given_.wait();
    if (ending_.load()) return;
    const auto began = std::chrono::steady_clock::now();
    for (auto& piece : given_.take()) take(std::move(piece));
    if (batch_.empty()) read_for(std::chrono::steady_clock::now() - began);
  }
}

void StoreWriter::take(std::unique_ptr<Piece> piece) {
  const bool is_first = batch_.empty();
  const bool is_last = piece->batch.has_value();
  batch_.push_back(std::move(piece));
  if (is_last) {
    auto& wanted = batch_.back()->then.wanted;
    wanted_.insert(wanted_.end(), wanted.begin(), wanted.end());
    auto outcome = std::make_unique<Outcome>(commit());
    if (outcome->fault && !outcome->is_unwritten) give_up_reading();
    done_.give(std::move(outcome));
    return tell();
  }
  is_prepared_ = (is_first || is_prepared_) && store_->prepare(batch_.back()->changes);
}

/// All pieces as one.
void StoreWriter::gather() {
  Piece& whole = *batch_.front();
  for (std::size_t i = 1; i < batch_.size(); ++i) whole.changes.append(batch_[i]->changes);
  whole.batch = batch_.back()->batch;
  whole.part = batch_.back()->part;
  whole.is_look = batch_.back()->is_look;
  batch_.resize(1);
}

StoreWriter::Outcome StoreWriter::commit() {
  auto at_once = std::move(batch_.back()->then.at_once);
  if (!std::exchange(is_prepared_, false)) gather();
  Outcome outcome{
      .batch = *batch_.back()->batch,
      .part = batch_.back()->part,
      .is_look = batch_.back()->is_look,
      .fault = {},
      .is_unwritten = false,
      .lost = {},
      .pieces = {},
  };
  bool is_over = false;
  while (!is_over) {
    auto fault = attempt(outcome);
    if (!fault) {
      pause_ = first_pause;
      if (!outcome.part && !outcome.is_look) durable_batch_.store(outcome.batch);
      if (at_once) at_once();
      break;
    }
    at_once = {};
    if (fault->kind == StoreFault::Kind::fenced) {
      outcome.fault = std::move(fault);
      break;
    }
    const bool is_lost = outcome.part || fault->kind == StoreFault::Kind::failing;
    outcome.is_unwritten = !is_lost && !outcome.is_look && fault->kind == StoreFault::Kind::full;
    is_over = is_lost || outcome.is_unwritten;
    if (is_over) {
      outcome.fault = std::move(fault);
    } else {
      delete fault_.exchange(new StoreFault(std::move(*fault)));
      tell();
    }
    if (!wait_before_next_try(pause_)) is_over = true;
    pause_ = std::min(2 * pause_, longest_pause);
  }
  outcome.pieces = std::exchange(batch_, {});
  return outcome;
}

std::optional<StoreFault> StoreWriter::attempt(Outcome& outcome) {
  if (outcome.is_look) return store_->keep();
  return outcome.part ? write_part(*outcome.part, outcome.lost) : write_batch();
}

/// What ends jobs gets through where there is no room for new ones.
std::optional<StoreFault> StoreWriter::write_batch() {
  auto fault = store_->commit(batch_.back()->changes);
  if (!fault) return std::nullopt;
  gather();
  if (fault->kind != StoreFault::Kind::full) return fault;
  JobChanges& changes = batch_.front()->changes;
  const JobChanges ending = changes.without_added();
  if (ending.empty() || changes.added_count() == 0) return fault;
  if (auto still = store_->commit(ending)) return still;
  changes.keep_only_added();
  return store_->commit(changes);
}

std::optional<StoreFault> StoreWriter::write_part(Part part, std::vector<LostJob>& lost) {
  if (part == Part::first || part == Part::only) {
    if (auto fault = store_->start_over()) return fault;
  }
  if (auto fault = store_->commit(batch_.front()->changes)) return fault;
  if (part == Part::first || part == Part::middle) return std::nullopt;
  return store_->finish_starting_over([&lost](JobNumber number, const std::string& why) {
    lost.push_back({number, why});
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
