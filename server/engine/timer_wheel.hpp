// SPDX-License-Identifier: BSD-3-Clause
// TimerWheel: deadlines by the million, each armed and disarmed at a constant cost.
//
// Six levels of 64 slots: the lowest level's slots are one millisecond wide, each next level's 64
// times as wide. A timer lies at the lowest level whose window holds both the wheel's time and its
// deadline, and moves down as the time comes nearer. A deadline is rounded up to the millisecond,
// so a timer never fires early; a timer further away than the wheel reaches (two years) waits at
// its rim.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/time.hpp"
#include "server/engine/memory/linked_list.hpp"

namespace gman::engine {

/// What a timer is about: a job's slot or a connection's.
struct TimerTarget {
  enum class Kind : std::uint8_t { job, connection };
  Kind kind;
  std::uint32_t slot;

  friend bool operator==(const TimerTarget&, const TimerTarget&) = default;
};

class TimerWheel {
 public:
  explicit TimerWheel(RegionPool& regions) : timers_(regions) {}

  /// Until it is popped or disarmed, the returned number names the timer.
  [[nodiscard]] std::uint32_t arm(Instant now, Instant deadline, TimerTarget target);
  // Requires: the timer is armed.
  void disarm(std::uint32_t timer);

  /// The next timer that is due, which is then no longer armed; those of one millisecond come in
  /// the order in which they were armed.
  [[nodiscard]] std::optional<TimerTarget> pop_due(Instant now);

  /// Not later than the earliest deadline. May be earlier for a far one, which then moves down.
  [[nodiscard]] std::optional<Instant> next_deadline() const;

  [[nodiscard]] std::size_t size() const { return timers_.size(); }
  // Requires: the timer is armed.
  [[nodiscard]] TimerTarget target_of(std::uint32_t timer) const { return timers_[timer].target; }

 private:
  static constexpr std::uint32_t levels = 6;
  static constexpr std::uint32_t slot_bits = 6;
  static constexpr std::uint32_t slots = 1u << slot_bits;

  struct Timer {
    std::uint64_t due_ms;
    TimerTarget target;
    Links links;
    std::uint16_t place;  ///< level * slots + slot

    static Links& links_in(Timer& timer) { return timer.links; }
  };
  using TimerList = LinkedList<Timer, &Timer::links_in>;

  struct Level {
    std::uint64_t occupied = 0;  ///< one bit a slot
    std::array<TimerList, slots> lists;
  };

  /// A slot that comes next, and the time at which it begins.
  struct Upcoming {
    std::uint32_t level;
    std::uint32_t slot;
    std::uint64_t begins_ms;
  };

  void place(std::uint32_t timer);
  void remove(std::uint32_t timer);
  [[nodiscard]] std::optional<Upcoming> upcoming() const;

  Pool<Timer> timers_;
  std::array<Level, levels> levels_;
  std::uint64_t now_ms_ = 0;
};

}  // namespace gman::engine
