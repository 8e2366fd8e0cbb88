// SPDX-License-Identifier: BSD-3-Clause
// Arming, disarming and firing timers beside many that wait.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdint>
#include <vector>

#include "server/engine/timer_wheel.hpp"

namespace gman::engine {
namespace {

constexpr Instant start{std::chrono::hours{1000}};

/// Deadlines spread over an hour, in an order that no sorted structure would like.
Instant deadline(std::uint64_t number) {
  return start + milliseconds(1 + number * 2'654'435'761U % 3'600'000);
}

void fill(TimerWheel& wheel, std::int64_t timers) {
  for (std::int64_t i = 0; i < timers; ++i) {
    static_cast<void>(wheel.arm(start, deadline(static_cast<std::uint64_t>(i)),
                                {TimerTarget::Kind::job, static_cast<std::uint32_t>(i)}));
  }
}

void arms_and_disarms_a_timer(benchmark::State& state) {
  RegionPool regions;
  TimerWheel wheel(regions);
  fill(wheel, state.range(0));
  std::uint64_t number = 0;
  for (auto _ : state) {
    const auto timer = wheel.arm(start, deadline(++number), {TimerTarget::Kind::job, 0});
    wheel.disarm(timer);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(arms_and_disarms_a_timer)->Arg(0)->Arg(1'000'000);

void fires_timers(benchmark::State& state) {
  for (auto _ : state) {
    state.PauseTiming();
    RegionPool regions;
    TimerWheel wheel(regions);
    fill(wheel, state.range(0));
    state.ResumeTiming();
    std::int64_t fired = 0;
    for (Instant now = start; fired < state.range(0); now += milliseconds(1000)) {
      while (wheel.pop_due(now)) ++fired;
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(fires_timers)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace gman::engine
