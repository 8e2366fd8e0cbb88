// SPDX-License-Identifier: BSD-3-Clause
#include "server/engine/timer_wheel.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

namespace gman::engine {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;

constexpr Instant start{hours{1000}};

TimerTarget job(std::uint32_t slot) {
  return {TimerTarget::Kind::job, slot};
}

std::vector<std::uint32_t> popped(TimerWheel& wheel, Instant now) {
  std::vector<std::uint32_t> slots;
  while (const auto target = wheel.pop_due(now)) slots.push_back(target->slot);
  return slots;
}

using Slots = std::vector<std::uint32_t>;

TEST(timer_wheel, fires_at_the_deadline_and_never_before) {
  for (const std::int64_t ms : {1LL, 2LL, 63LL, 64LL, 65LL, 4095LL, 4096LL, 4097LL, 262144LL,
                                86'400'000LL, 68'719'476'735LL, 68'719'476'737LL, 1LL << 40}) {
    RegionPool regions;
    TimerWheel wheel(regions);
    const std::uint32_t timer = wheel.arm(start, start + milliseconds(ms), job(7));
    EXPECT_EQ(wheel.target_of(timer), job(7));
    EXPECT_EQ(popped(wheel, start + milliseconds(ms - 1)), Slots{}) << ms;
    EXPECT_LE(wheel.next_deadline(), start + milliseconds(ms)) << ms;
    EXPECT_EQ(popped(wheel, start + milliseconds(ms)), Slots{7}) << ms;
    EXPECT_EQ(wheel.next_deadline(), std::nullopt);
    EXPECT_EQ(wheel.size(), 0);
  }
}

// The clock that counts from boot reaches the end of the highest level's turn after two years.
TEST(timer_wheel, fires_in_time_across_the_end_of_its_turn) {
  constexpr Instant turn_ends{milliseconds(std::int64_t{1} << 36)};
  RegionPool regions;
  TimerWheel wheel(regions);
  const Instant now = turn_ends - milliseconds(5);
  static_cast<void>(wheel.arm(now, turn_ends + milliseconds(10), job(1)));
  static_cast<void>(wheel.arm(now, turn_ends - milliseconds(1), job(2)));
  static_cast<void>(wheel.arm(now, turn_ends, job(3)));
  EXPECT_EQ(popped(wheel, turn_ends - milliseconds(1)), Slots{2});
  EXPECT_EQ(popped(wheel, turn_ends), Slots{3});
  EXPECT_EQ(popped(wheel, turn_ends + milliseconds(9)), Slots{});
  EXPECT_EQ(popped(wheel, turn_ends + milliseconds(10)), Slots{1});
}

TEST(timer_wheel, rounds_a_deadline_up_to_the_millisecond) {
  RegionPool regions;
  TimerWheel wheel(regions);
  static_cast<void>(wheel.arm(start, start + microseconds(1001), job(1)));
  EXPECT_EQ(popped(wheel, start + microseconds(1999)), Slots{});
  EXPECT_EQ(popped(wheel, start + microseconds(2000)), Slots{1});
}

TEST(timer_wheel, fires_what_is_overdue_at_the_next_look) {
  RegionPool regions;
  TimerWheel wheel(regions);
  static_cast<void>(wheel.arm(start, start - hours(1), job(1)));
  EXPECT_LE(wheel.next_deadline(), start);
  EXPECT_EQ(popped(wheel, start), Slots{1});
}

TEST(timer_wheel, fires_in_the_order_of_deadlines_and_then_of_arming) {
  RegionPool regions;
  TimerWheel wheel(regions);
  const auto arm = [&](int ms, std::uint32_t slot) {
    static_cast<void>(wheel.arm(start, start + milliseconds(ms), job(slot)));
  };
  arm(100, 1);
  arm(90, 2);
  arm(5000, 3);
  arm(90, 4);
  arm(1, 5);
  EXPECT_EQ(popped(wheel, start + milliseconds(6000)), (Slots{5, 2, 4, 1, 3}));
}

TEST(timer_wheel, never_fires_a_disarmed_timer) {
  RegionPool regions;
  TimerWheel wheel(regions);
  const std::uint32_t one = wheel.arm(start, start + milliseconds(10), job(1));
  static_cast<void>(wheel.arm(start, start + milliseconds(10), job(2)));
  wheel.disarm(one);
  EXPECT_EQ(popped(wheel, start + milliseconds(10)), Slots{2});
}

// A map from deadline to timers is what the wheel must be indistinguishable from.
TEST(timer_wheel, agrees_with_a_sorted_map_on_random_histories) {
  for (const std::uint32_t seed : {1U, 2U, 3U, 4U, 5U}) {
    std::mt19937_64 random(seed);
    RegionPool regions;
    TimerWheel wheel(regions);
    Instant now = start;
    std::uint32_t next_slot = 0;
    struct Armed {
      std::uint32_t timer;
      std::uint32_t slot;
    };
    std::multimap<Instant, Armed> model;

    for (int step = 0; step < 20'000; ++step) {
      const auto dice = random() % 10;
      if (dice < 5) {
        // Near and far deadlines alike: the exponent is drawn first.
        const auto ahead_ms = random() % (std::uint64_t{1} << (random() % 34));
        const Instant deadline = now + milliseconds(static_cast<std::int64_t>(ahead_ms));
        const std::uint32_t timer = wheel.arm(now, deadline, job(next_slot));
        model.insert({deadline, {timer, next_slot++}});
      } else if (dice < 7 && !model.empty()) {
        auto chosen = model.begin();
        std::advance(chosen, static_cast<std::ptrdiff_t>(random() %
                                                         std::min<std::size_t>(model.size(), 20)));
        wheel.disarm(chosen->second.timer);
        model.erase(chosen);
      } else {
        const auto by_ms = random() % (std::uint64_t{1} << (random() % 20));
        now += milliseconds(static_cast<std::int64_t>(by_ms));
        Slots expected;
        while (!model.empty() && model.begin()->first <= now) {
          expected.push_back(model.begin()->second.slot);
          model.erase(model.begin());
        }
        ASSERT_EQ(popped(wheel, now), expected) << "seed " << seed << ", step " << step;
      }
      ASSERT_EQ(wheel.size(), model.size());
      ASSERT_EQ(wheel.next_deadline().has_value(), !model.empty());
      if (!model.empty()) {
        ASSERT_LE(*wheel.next_deadline(), model.begin()->first);
      }
    }
  }
}

// The shell sleeps until next_deadline(): each look must bring a far timer nearer, and the looks
// must be few.
TEST(timer_wheel, needs_few_looks_until_a_far_deadline) {
  RegionPool regions;
  TimerWheel wheel(regions);
  const Instant deadline = start + hours(24 * 30) + milliseconds(12345);
  static_cast<void>(wheel.arm(start, deadline, job(1)));
  int looks = 0;
  Instant now = start;
  while (const auto next = wheel.next_deadline()) {
    ASSERT_LE(*next, deadline);
    now = std::max(now, *next);
    if (wheel.pop_due(now)) break;
    ASSERT_LT(++looks, 8);
  }
  EXPECT_EQ(now, deadline);
}

}  // namespace
}  // namespace gman::engine
