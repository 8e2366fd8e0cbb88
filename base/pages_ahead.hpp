// SPDX-License-Identifier: BSD-3-Clause
// PagesAhead: a thread that touches memory before it is needed.
//
// The first touch of a page is an exception, in which the kernel finds one and clears it; in a
// virtual machine that grows, the host does as much once more, and it takes 10 us and longer. While
// a backlog grew, that was a third of the time of the server's own thread, for which all clients
// waited.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>

namespace gman {

class PagesAhead {
 public:
  PagesAhead() = default;
  ~PagesAhead();
  PagesAhead(const PagesAhead&) = delete;
  PagesAhead& operator=(const PagesAhead&) = delete;

  // These are for one thread, whose memory it is.

  /// Memory whose contents are of no use to anybody. The first call starts the thread; where the
  /// system has no more of them, the memory comes back as it is.
  void give(void* start, std::size_t bytes);
  /// The first of what was given, if it is touched; nullptr: not yet, or there is none.
  [[nodiscard]] void* take();
  /// How many were given and not taken.
  [[nodiscard]] std::size_t count();
  /// Forgets what was given, and touches none of it any more.
  void clear();

 private:
  struct Piece {
    void* start;
    std::size_t bytes;
  };
  void work();

  std::mutex mutex_;
  std::condition_variable news_;
  std::deque<Piece> given_;  ///< the first one is being touched
  std::deque<void*> touched_;
  bool is_ending_ = false;
  std::thread thread_;
};

}  // namespace gman
