// SPDX-License-Identifier: BSD-3-Clause
#include "server/net/load_jobs.hpp"

#include <chrono>
#include <queue>
#include <string>
#include <vector>

namespace gman {
namespace {

using std::chrono::steady_clock;

constexpr milliseconds progress_every{1'000};
constexpr std::uint64_t look_at_clock_every = 4096;

Now read_clocks() {
  return {.steady = steady_clock::now(), .wall = std::chrono::system_clock::now()};
}

// A job that was queued again stands behind where its number would put it. The store gives jobs in
// the order of numbers, so such a job waits here for its turn; where they are many, without its
// workload.
class InOrder {
 public:
  InOrder(Engine& engine, std::uint64_t bytes_max, Now now)
      : engine_(engine), bytes_max_(bytes_max), now_(now) {}

  void take(const JobRecord& record) {
    if (record.position != record.number) return keep(record);
    pass_on_up_to(record.number);
    engine_.restore(record, now_);
  }
  void finish() { pass_on_up_to(std::numeric_limits<std::uint64_t>::max()); }

 private:
  struct Kept {
    explicit Kept(const JobRecord& from) { changes.add(from); }
    [[nodiscard]] std::uint64_t position() const { return changes.added(0).position; }
    JobChanges changes;  ///< of one, which owns its texts
  };
  struct Later {
    bool operator()(const Kept& a, const Kept& b) const { return a.position() > b.position(); }
  };

  void keep(JobRecord record) {
    const bool is_too_much = bytes_max_ != 0 && bytes_ + record.workload.size() > bytes_max_;
    if (is_too_much && Engine::can_stay_away(record)) {
      record.away_bytes = static_cast<std::uint32_t>(record.workload.size());
      record.workload = {};
    }
    bytes_ += record.workload.size();
    later_.push(Kept(record));
  }
  void pass_on_up_to(std::uint64_t position) {
    while (!later_.empty() && later_.top().position() <= position) {
      const JobRecord record = later_.top().changes.added(0);
      bytes_ -= record.workload.size();
      engine_.restore(record, now_);
      later_.pop();
    }
  }

  Engine& engine_;
  const std::uint64_t bytes_max_;
  const Now now_;
  std::uint64_t bytes_ = 0;  ///< of the workloads that wait here
  std::priority_queue<Kept, std::vector<Kept>, Later> later_;
};

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
  InOrder in_order(engine, workload_memory_bytes_max, started);
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
  const auto fault = store.load(
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
