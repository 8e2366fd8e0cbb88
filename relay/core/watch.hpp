// SPDX-License-Identifier: BSD-3-Clause
// Watch: when an outbox at which nothing is due is looked at again (see Look in outbox.hpp).
#pragma once

#include <algorithm>
#include <optional>

#include "relay/core/outbox.hpp"

namespace gman::relay {

class Watch {
 public:
  /// After a look; nullopt: something is due, and nothing to be watched.
  [[nodiscard]] static std::optional<Watch> after(const Look& look, const Looked& looked) {
    Watch watch(look);
    if (!watch.shorten_to(looked)) return std::nullopt;
    return watch;
  }

  /// Until the next look.
  [[nodiscard]] milliseconds wait() const { return wait_; }
  [[nodiscard]] const Look& look() const { return look_; }

  /// Somebody has said that there is something: the waits begin again.
  void begin_again() { wait_ = look_.wait_first; }

  /// What the next look saw. False: something is due, the watch is over.
  [[nodiscard]] bool goes_on(const Looked& looked) {
    wait_ = std::min(wait_ * 2, look_.wait_max);
    return shorten_to(looked);
  }

 private:
  explicit Watch(const Look& look) : look_(look), wait_(look.wait_first) {}

  [[nodiscard]] bool shorten_to(const Looked& looked) {
    for (const DueGroup& group : looked.groups) wait_ = std::min(wait_, group.due_in);
    return wait_ > milliseconds(0);
  }

  Look look_;
  milliseconds wait_;
};

}  // namespace gman::relay
