// SPDX-License-Identifier: BSD-3-Clause
#include "server/engine/timer_wheel.hpp"

#include <algorithm>
#include <bit>

namespace gman::engine {
namespace {

using std::chrono::ceil;
using std::chrono::floor;

std::uint64_t as_ms(milliseconds since_epoch) {
  return since_epoch.count() < 0 ? 0 : static_cast<std::uint64_t>(since_epoch.count());
}

std::uint64_t whole_ms(Instant at) {
  return as_ms(floor<milliseconds>(at.time_since_epoch()));
}

}  // namespace

std::uint32_t TimerWheel::arm(Instant now, Instant deadline, TimerTarget target) {
  // The wheel's time may have stood still since the last timer; from here the deadline is near.
  const std::uint64_t now_ms = whole_ms(now);
  const auto next = upcoming();
  if (!next || next->begins_ms > now_ms) now_ms_ = std::max(now_ms_, now_ms);
  const std::uint32_t timer = timers_.create(
      Timer{.due_ms = as_ms(ceil<milliseconds>(deadline.time_since_epoch())), .target = target});
  place(timer);
  return timer;
}

void TimerWheel::disarm(std::uint32_t timer) {
  remove(timer);
  timers_.destroy(timer);
}

std::optional<TimerTarget> TimerWheel::pop_due(Instant now) {
  const std::uint64_t target_ms = std::max(now_ms_, whole_ms(now));
  while (const auto next = upcoming()) {
    if (next->begins_ms > target_ms) break;
    now_ms_ = std::max(now_ms_, next->begins_ms);
    TimerList& list = levels_[next->level].lists[next->slot];
    if (next->level == 0) {
      const std::uint32_t timer = list.first();
      const TimerTarget target = timers_[timer].target;
      disarm(timer);
      return target;
    }
    // The wheel's time has come to this slot: all of it moves down before anything fires.
    while (!list.empty()) {
      const std::uint32_t timer = list.first();
      remove(timer);
      place(timer);
    }
  }
  now_ms_ = target_ms;
  return std::nullopt;
}

std::optional<Instant> TimerWheel::next_deadline() const {
  const auto next = upcoming();
  if (!next) return std::nullopt;
  return Instant(milliseconds(next->begins_ms));
}

void TimerWheel::place(std::uint32_t timer) {
  // What is overdue lies in the slot of this very millisecond; what is beyond the rim, in the
  // furthest slot, from where it is placed again.
  const std::uint64_t due_ms = std::max(timers_[timer].due_ms, now_ms_);
  const std::uint64_t differing = (due_ms ^ now_ms_) | (slots - 1);
  const auto leading = static_cast<std::uint32_t>(std::bit_width(differing) - 1) / slot_bits;
  const std::uint32_t level = std::min(leading, levels - 1);
  const std::uint32_t shift = level * slot_bits;
  const std::uint64_t here = now_ms_ >> shift;
  const std::uint64_t ahead = std::min<std::uint64_t>((due_ms >> shift) - here, slots - 1);
  const auto slot = static_cast<std::uint32_t>((here + ahead) % slots);

  timers_[timer].place = static_cast<std::uint16_t>(level * slots + slot);
  levels_[level].lists[slot].push_back(timers_, timer);
  levels_[level].occupied |= std::uint64_t{1} << slot;
}

void TimerWheel::remove(std::uint32_t timer) {
  const std::uint32_t level = timers_[timer].place / slots;
  const std::uint32_t slot = timers_[timer].place % slots;
  TimerList& list = levels_[level].lists[slot];
  list.erase(timers_, timer);
  if (list.empty()) levels_[level].occupied &= ~(std::uint64_t{1} << slot);
}

// A lower level's timers all come before a higher level's, since they share more leading digits
// with the wheel's time. Only the highest level's slots may lie beyond the end of its turn.
std::optional<TimerWheel::Upcoming> TimerWheel::upcoming() const {
  for (std::uint32_t level = 0; level < levels; ++level) {
    const std::uint64_t occupied = levels_[level].occupied;
    if (occupied == 0) continue;
    const std::uint32_t shift = level * slot_bits;
    const auto here = static_cast<std::uint32_t>((now_ms_ >> shift) % slots);
    const auto ahead =
        static_cast<std::uint32_t>(std::countr_zero(std::rotr(occupied, static_cast<int>(here))));
    const std::uint32_t slot = (here + ahead) % slots;
    const std::uint64_t turn_ms = std::uint64_t{1} << (shift + slot_bits);
    const std::uint64_t turn_began_ms = now_ms_ & ~(turn_ms - 1);
    std::uint64_t begins_ms = turn_began_ms + (std::uint64_t{slot} << shift);
    if (slot < here) begins_ms += turn_ms;
    return Upcoming{level, slot, begins_ms};
  }
  return std::nullopt;
}

}  // namespace gman::engine
