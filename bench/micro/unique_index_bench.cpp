// SPDX-License-Identifier: BSD-3-Clause
// Finding, adding and removing a unique among many: the cost must not grow with their number, apart
// from what the processor's caches make of it.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "server/engine/unique_index.hpp"

namespace gman::engine {
namespace {

constexpr FunctionId function = 3;

class Jobs {
 public:
  explicit Jobs(std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) add(static_cast<std::uint64_t>(i));
  }
  ~Jobs() {
    jobs_.for_each([this](JobSlot, const Job& job) { texts_.free(job.text, job.text_bytes()); });
  }
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;

  static std::string unique_of(std::uint64_t number) {
    return "unique-" + std::to_string(number * 2'654'435'761U % 100'000'000);
  }

  JobSlot add(std::uint64_t number) {
    const std::string unique = unique_of(number);
    const auto key = index_.key_of(function, unique, {});
    char* text = texts_.allocate(unique.size());
    unique.copy(text, unique.size());
    const JobSlot slot = jobs_.create(Job{
        .text = text,
        .unique_hash = key->hash,
        .unique_bytes = static_cast<std::uint8_t>(unique.size()),
        .priority = Priority::normal,
        .function = function,
        .lifetime = Lifetime::server,
        .state = Queued{},
    });
    index_.insert(*key, slot);
    return slot;
  }

  void remove(JobSlot slot) {
    index_.erase(slot);
    const Job& job = jobs_[slot];
    texts_.free(job.text, job.text_bytes());
    jobs_.destroy(slot);
  }

  [[nodiscard]] JobSlot find(std::string_view unique) const {
    return index_.find(*index_.key_of(function, unique, {}));
  }

 private:
  RegionPool regions_;
  BlockStore texts_{regions_};
  Pool<Job> jobs_{regions_};
  UniqueIndex index_{regions_, jobs_, 42};
};

void finds_a_unique(benchmark::State& state) {
  const Jobs jobs(state.range(0));
  std::uint64_t number = 0;
  for (auto _ : state) {
    number = (number + 1) % static_cast<std::uint64_t>(state.range(0));
    benchmark::DoNotOptimize(jobs.find(Jobs::unique_of(number)));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(finds_a_unique)->Arg(1'000)->Arg(1'000'000);

void adds_and_removes_a_unique(benchmark::State& state) {
  Jobs jobs(state.range(0));
  auto number = static_cast<std::uint64_t>(state.range(0));
  for (auto _ : state) jobs.remove(jobs.add(number++ % 100'000'000));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(adds_and_removes_a_unique)->Arg(1'000)->Arg(1'000'000);

}  // namespace
}  // namespace gman::engine
