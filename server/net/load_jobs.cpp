// SPDX-License-Identifier: BSD-3-Clause
#include "server/net/load_jobs.hpp"

#include <chrono>
#include <string>

#include "server/store/in_order.hpp"
#include "server/store/load_beside.hpp"

namespace gman {
namespace {

using std::chrono::steady_clock;

constexpr milliseconds progress_every{1'000};
constexpr std::uint64_t look_at_clock_every = 4096;

Now read_clocks() {
  return {.steady = steady_clock::now(), .wall = std::chrono::system_clock::now()};
}

}  // namespace

std::optional<StoreFault> load_jobs(Store& store, Engine& engine,
                                    std::uint64_t workload_memory_bytes_max, Log& log,
                                    const ServiceManager& manager) {
  const Now started = read_clocks();
  for (const std::string& text : store.warnings()) {
    log.warn("the store promises less", {{"store", store.name()}, {"because", text}});
  }
  const std::uint64_t about = store.jobs_about();
  log.info("loading jobs", {{"store", store.name()}, {"jobs_about", about}});
  InOrder in_order(workload_memory_bytes_max,
                   [&](const JobRecord& record) { engine.restore(record, started); });
  std::uint64_t loaded = 0;
  std::uint64_t set_aside = 0;
  auto next_progress = started.steady + progress_every;
  const auto say_how_far = [&] {
    if (steady_clock::now() < next_progress) return;
    next_progress += progress_every;
    const std::string percent = std::to_string(about == 0 ? 0 : loaded * 100 / about);
    log.info("loading jobs", {{"jobs", loaded}, {"percent", percent}});
    manager.starting("Loading jobs: " + percent + " %", 10 * progress_every);
  };
  const auto fault = load_beside(
      store,
      [&](const JobRecord& record) {
        in_order.take(record);
        if (++loaded % look_at_clock_every == 0) say_how_far();
      },
      [&](JobNumber number, const std::string& why) {
        ++set_aside;
        log.error("a job was set aside", {{"store", store.name()}, {"job", number}, {"why", why}});
      });
  if (fault) return fault;
  in_order.finish();
  const std::chrono::duration<double> seconds = steady_clock::now() - started.steady;
  log.info("jobs loaded", {{"store", store.name()},
                           {"jobs", loaded},
                           {"set_aside", set_aside},
                           {"workload_bytes_in_memory", engine.away().bytes_here},
                           {"workload_bytes_in_store_alone", engine.away().bytes},
                           {"seconds", seconds.count()}});
  return std::nullopt;
}

}  // namespace gman
