// SPDX-License-Identifier: BSD-3-Clause
#include "base/pages_ahead.hpp"

#include <system_error>

#include "base/assert.hpp"
#include "base/pages.hpp"
#include "base/thread.hpp"

namespace gman {

PagesAhead::~PagesAhead() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  news_.notify_all();
  thread_.join();
}

void PagesAhead::give(void* start, std::size_t bytes) {
  if (!thread_.joinable()) {
    try {
      thread_ = start_thread([this] { work(); });
    } catch (const std::system_error&) {
      touched_.push_back(start);
      return;
    }
  }
  {
    const std::lock_guard lock(mutex_);
    given_.push_back({start, bytes});
  }
  news_.notify_all();
}

void* PagesAhead::take() {
  const std::lock_guard lock(mutex_);
  if (touched_.empty()) return nullptr;
  void* const start = touched_.front();
  touched_.pop_front();
  return start;
}

std::size_t PagesAhead::count() {
  const std::lock_guard lock(mutex_);
  return given_.size() + touched_.size();
}

void PagesAhead::clear() {
  std::unique_lock lock(mutex_);
  // The one that is being touched is waited for.
  while (given_.size() > 1) given_.pop_back();
  news_.wait(lock, [this] { return given_.empty(); });
  touched_.clear();
}

void PagesAhead::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    news_.wait(lock, [this] { return is_ending_ || !given_.empty(); });
    if (is_ending_) return;
    const Piece piece = given_.front();
    lock.unlock();
    touch_pages(piece.start, piece.bytes);
    lock.lock();
    GMAN_ASSERT(!given_.empty() && given_.front().start == piece.start);
    given_.pop_front();
    touched_.push_back(piece.start);
    if (given_.empty()) news_.notify_all();
  }
}

}  // namespace gman
