// SPDX-License-Identifier: BSD-3-Clause
// A store's commits, with their fsyncs, and reading all jobs back. Where the files lie decides:
// GMAN_BENCH_DIR names the directory, TMPDIR or /tmp is the default. On a tmpfs it is the cost
// without a disk. Where GMAN_BENCH_STORE is a store's URL, it is that store, which is to have no
// jobs: see served_stores.py.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <variant>

#include "server/store/store.hpp"

namespace gman {
namespace {

constexpr std::uint64_t first_number = std::uint64_t{1} << job_number_start_shift;

class Place {
 public:
  Place() {
    if (served() != nullptr) return;
    const char* chosen = std::getenv("GMAN_BENCH_DIR");
    const std::filesystem::path parent =
        chosen != nullptr ? chosen : std::filesystem::temp_directory_path();
    std::string name = (parent / "gman_store_bench.XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    directory_ = name;
  }
  ~Place() {
    if (served() != nullptr) {
      empty();
    } else {
      std::filesystem::remove_all(directory_);
    }
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return directory_; }
  [[nodiscard]] std::unique_ptr<Store> open() const {
    auto opened =
        open_store(served() != nullptr ? served() : "sqlite:" + (directory_ / "jobs.db").string());
    auto store = std::get<std::unique_ptr<Store>>(std::move(opened));
    if (!std::holds_alternative<std::vector<StoreStart>>(store->begin("H:bench"))) std::abort();
    return store;
  }

 private:
  static const char* served() { return std::getenv("GMAN_BENCH_STORE"); }
  void empty() const {
    const auto store = open();
    JobChanges changes;
    const auto failed = store->load([&](const JobRecord& job) { changes.remove(job.number); },
                                    [](JobNumber, const std::string&) { std::abort(); });
    if (failed || store->commit(changes)) std::abort();
  }

  std::filesystem::path directory_;
};

JobRecord job(std::uint64_t index) {
  static const std::string workload(64, 'w');
  const std::uint64_t number = first_number + index;
  return {
      .number = number,
      .position = number,
      .handle_number = index,
      .priority = Priority::normal,
      .function = "resize",
      .workload = workload,
  };
}

void commit(benchmark::State& state, Store& store, const JobChanges& changes) {
  if (const auto fault = store.commit(changes)) state.SkipWithError(fault->text.c_str());
}

void fill(benchmark::State& state, Store& store, std::uint64_t jobs) {
  JobChanges changes;
  for (std::uint64_t index = 0; index < jobs;) {
    changes.clear();
    const std::uint64_t end = std::min(jobs, index + 10'000);
    while (index < end) changes.add(job(index++));
    commit(state, store, changes);
  }
}

void commits_added_jobs(benchmark::State& state) {
  const Place place;
  const auto store = place.open();
  const auto batch = static_cast<std::uint64_t>(state.range(0));
  std::uint64_t index = 0;
  JobChanges changes;
  for (auto _ : state) {
    changes.clear();
    for (std::uint64_t end = index + batch; index < end;) changes.add(job(index++));
    commit(state, *store, changes);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(commits_added_jobs)->Arg(1)->Arg(64)->Arg(256)->Arg(1000)->UseRealTime();

/// What the disk asks for, whoever writes: so many bytes behind the last ones, in a file that was
/// written before, and an fdatasync. The rows above stand beside it, as disks have their phases.
void appends_and_syncs(benchmark::State& state) {
  const Place place;
  constexpr std::int64_t file_bytes = std::int64_t{8} << 20;
  const int file = ::open((place.path() / "log").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const std::string zeros(file_bytes, '\0');
  if (::pwrite(file, zeros.data(), zeros.size(), 0) != file_bytes) std::abort();
  ::fsync(file);
  const std::string record(static_cast<std::size_t>(state.range(0)), 'r');
  std::int64_t at = 0;
  for (auto _ : state) {
    if (at + state.range(0) > file_bytes) at = 0;
    if (::pwrite(file, record.data(), record.size(), at) < 0) std::abort();
    if (::fdatasync(file) != 0) std::abort();
    at += state.range(0);
  }
  ::close(file);
}
BENCHMARK(appends_and_syncs)->Arg(128)->Arg(4120)->Arg(64 << 10)->UseRealTime();

/// As a busy server does: as many jobs come as go, oldest first, and 10,000 wait.
void commits_added_and_removed_jobs(benchmark::State& state) {
  const Place place;
  const auto store = place.open();
  const auto batch = static_cast<std::uint64_t>(state.range(0));
  std::uint64_t index = 10'000;
  fill(state, *store, index);
  JobChanges changes;
  for (auto _ : state) {
    changes.clear();
    for (std::uint64_t end = index + batch; index < end; ++index) {
      changes.add(job(index));
      changes.remove(first_number + index - 10'000);
    }
    commit(state, *store, changes);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(commits_added_and_removed_jobs)->Arg(1)->Arg(256)->UseRealTime();

void removes_a_backlog(benchmark::State& state) {
  constexpr std::uint64_t jobs = 500'000;
  const auto batch = static_cast<std::uint64_t>(state.range(0));
  for (auto _ : state) {
    state.PauseTiming();
    {
      const Place place;
      const auto store = place.open();
      fill(state, *store, jobs);
      JobChanges changes;
      state.ResumeTiming();
      for (std::uint64_t index = 0; index < jobs;) {
        changes.clear();
        const std::uint64_t end = std::min(jobs, index + batch);
        while (index < end) changes.remove(first_number + index++);
        commit(state, *store, changes);
      }
      state.PauseTiming();
    }
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(jobs));
}
BENCHMARK(removes_a_backlog)->Arg(256)->Iterations(1)->Unit(benchmark::kMillisecond)->UseRealTime();

/// Opening the store, which checks it, is counted apart.
void loads_a_backlog(benchmark::State& state) {
  const auto jobs = static_cast<std::uint64_t>(state.range(0));
  const Place place;
  fill(state, *place.open(), jobs);
  std::uint64_t loaded = 0;
  for (auto _ : state) {
    state.PauseTiming();
    auto store = place.open();
    state.ResumeTiming();
    const auto fault = store->load([&](const JobRecord&) { ++loaded; },
                                   [&](JobNumber, const std::string&) { std::abort(); });
    if (fault) state.SkipWithError(fault->text.c_str());
    state.PauseTiming();
    store.reset();
    state.ResumeTiming();
  }
  if (loaded != jobs * static_cast<std::uint64_t>(state.iterations())) std::abort();
  state.SetItemsProcessed(static_cast<std::int64_t>(loaded));
}
BENCHMARK(loads_a_backlog)->Arg(1'000'000)->Unit(benchmark::kMillisecond)->UseRealTime();

void opens_a_backlog(benchmark::State& state) {
  const Place place;
  fill(state, *place.open(), static_cast<std::uint64_t>(state.range(0)));
  for (auto _ : state) {
    auto store = place.open();
    state.PauseTiming();
    store.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(opens_a_backlog)->Arg(1'000'000)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace gman
