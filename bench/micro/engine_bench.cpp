// SPDX-License-Identifier: BSD-3-Clause
// The engine's part of a job's cost, without a socket: queueing it, and handing it out and
// forgetting it, at several depths of backlog.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/framing.hpp"
#include "server/engine/engine.hpp"

namespace gman {
namespace {

constexpr ConnId client{1};
constexpr ConnId worker{2};

class Bench {
 public:
  explicit Bench(std::int64_t backlog) {
    engine_.connected(client);
    engine_.connected(worker);
    tell(worker, CanDo{.function = "bench"});
    for (std::int64_t i = 0; i < backlog; ++i) submit({});
  }

  void submit(std::string_view unique) {
    tell(client, SubmitJob{.function = "bench",
                           .unique = unique,
                           .workload = workload_,
                           .mode = JobMode::background});
  }

  void grab_and_complete() {
    engine_.handle(worker, GrabJob{}, now_, effects_);
    const auto& assign = std::get<Effects::Send>(effects_.list().front());
    const std::string_view body = effects_.bytes_of(assign).substr(header_bytes);
    const std::string handle(body.substr(0, body.find('\0')));
    effects_.clear();
    tell(worker, WorkComplete{.handle = handle, .data = {}});
  }

 private:
  void tell(ConnId conn, const Request& request) {
    engine_.handle(conn, request, now_, effects_);
    effects_.clear();
  }

  static constexpr std::size_t header_bytes = 12;

  const EngineSettings settings_{.hash_seed = 42};
  Engine engine_{settings_};
  Effects effects_;
  Now now_{.steady = Instant(std::chrono::hours(1)), .wall = {}};
  const std::string workload_ = std::string(64, 'x');
};

void queues_a_job(benchmark::State& state) {
  Bench bench(state.range(0));
  for (auto _ : state) bench.submit({});
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(queues_a_job)->Arg(0)->Arg(1'000'000)->Iterations(1'000'000);

void queues_a_job_with_a_unique(benchmark::State& state) {
  Bench bench(0);
  const auto submit_numbered = [&bench](std::int64_t number) {
    bench.submit("unique-" + std::to_string(number));
  };
  std::int64_t number = 0;
  while (number < state.range(0)) submit_numbered(number++);
  for (auto _ : state) submit_numbered(number++);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(queues_a_job_with_a_unique)->Arg(0)->Arg(1'000'000)->Iterations(1'000'000);

void joins_a_job_by_its_unique(benchmark::State& state) {
  Bench bench(0);
  for (auto _ : state) bench.submit("the-same");
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(joins_a_job_by_its_unique);

void grabs_and_completes_a_job(benchmark::State& state) {
  constexpr std::int64_t jobs = 100'000;
  Bench bench(state.range(0) + jobs);
  for (auto _ : state) bench.grab_and_complete();
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(grabs_and_completes_a_job)->Arg(0)->Arg(1'000'000)->Iterations(100'000);

}  // namespace
}  // namespace gman
