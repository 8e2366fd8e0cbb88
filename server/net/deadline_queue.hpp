// SPDX-License-Identifier: BSD-3-Clause
// DeadlineQueue: waits that all have the same length, so the oldest is always the first to end.
//
// Starting, stopping and looking are O(1) and cost no system call; the loop arms one timer for the
// earliest of all of them.
#pragma once

#include <boost/intrusive/list.hpp>
#include <optional>

#include "base/time.hpp"

namespace gman {

struct Session;

/// What a session puts into a queue. It leaves by itself when the session goes.
struct Deadline
    : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
  explicit Deadline(Session& session_of) : session(session_of) {}

  [[nodiscard]] bool is_running() const { return is_linked(); }
  void stop() {
    if (is_linked()) unlink();
  }

  Session& session;
  Instant due{};
};

class DeadlineQueue {
 public:
  explicit DeadlineQueue(milliseconds length) : length_(length) {}

  /// Starts it, or starts it over, from whatever queue it was in.
  void start(Deadline& deadline, Instant now) {
    deadline.stop();
    deadline.due = now + length_;
    waits_.push_back(deadline);
  }

  /// Also for the waits that run, so that their order stays that of their ends.
  void set_length(milliseconds length) {
    for (Deadline& deadline : waits_) deadline.due += length - length_;
    length_ = length;
  }

  [[nodiscard]] std::optional<Instant> next() const {
    if (waits_.empty()) return std::nullopt;
    return waits_.front().due;
  }

  /// The session whose wait is over, taken from the queue; nullptr: none.
  [[nodiscard]] Session* pop_expired(Instant now) {
    if (waits_.empty() || waits_.front().due > now) return nullptr;
    Session& session = waits_.front().session;
    waits_.pop_front();
    return &session;
  }

 private:
  milliseconds length_;
  boost::intrusive::list<Deadline, boost::intrusive::constant_time_size<false>> waits_;
};

}  // namespace gman
