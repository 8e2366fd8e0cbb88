// SPDX-License-Identifier: BSD-3-Clause
#include "tests/sim/history.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <numeric>
#include <vector>

#include "tests/sim/call_client.hpp"
#include "tests/sim/failure.hpp"
#include "tests/sim/fsm_worker.hpp"
#include "tests/sim/rough_peer.hpp"
#include "tests/sim/row_client.hpp"
#include "tests/sim/world.hpp"

namespace gman::sim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

class History {
 public:
  explicit History(const HistoryOptions& options);
  std::uint64_t run();

 private:
  // What can happen, and how often beside the others. A new kind of event is one row.
  struct Event {
    std::uint64_t weight;
    void (History::*happen)();
  };
  template <void (RoughPeer::*act)()>
  void rough() {
    if (!rough_.empty()) (world_.dice.pick(rough_).get()->*act)();
  }
  [[nodiscard]] static std::vector<Event> events_there_are() {
    return {
        {20, &History::rough<&RoughPeer::submit>},
        {4, &History::rough<&RoughPeer::submit_for_later>},
        {8, &History::rough<&RoughPeer::submit_extended>},
        {4, &History::rough<&RoughPeer::submit_many>},
        {4, &History::rough<&RoughPeer::register_many>},
        {4, &History::rough<&RoughPeer::ask_for_unique_window>},
        {20, &History::rough<&RoughPeer::grab>},
        {10, &History::rough<&RoughPeer::register_function>},
        {4, &History::rough<&RoughPeer::give_up_functions>},
        {10, &History::rough<&RoughPeer::sleep>},
        {12, &History::rough<&RoughPeer::finish_a_job>},
        {6, &History::rough<&RoughPeer::report_on_a_job>},
        {4, &History::rough<&RoughPeer::ask_for_status>},
        {4, &History::rough<&RoughPeer::say_something_small>},
        {3, &History::rough<&RoughPeer::order_as_operator>},
        {3, &History::rough<&RoughPeer::ask_as_operator>},
        {2, &History::rough<&RoughPeer::send_nonsense>},
        {1, &History::rough<&RoughPeer::leave>},
        {30, &History::call},
        {8, &History::add_rows},
        {2, &History::retire_worker},
        {3, &History::cut_a_connection},
        {1, &History::set_wall_clock},
        {1, &History::change_limits},
        {1, &History::let_time_pass},
        {1, &History::kill_server},
    };
  }

  void call();
  void add_rows();
  void retire_worker();
  void cut_a_connection();
  void set_wall_clock();
  void change_limits();
  void let_time_pass();
  void kill_server();

  [[nodiscard]] static EngineSettings settings_of(Dice& dice);
  [[nodiscard]] static Weather weather_of(Dice& dice);
  /// Then a good worker may be closed, so that only the rough ones take part.
  [[nodiscard]] bool are_functions_limited() const {
    return settings_.functions_max <= functions.size() ||
           settings_.functions_per_worker_max <= functions.size();
  }
  /// Nobody may be able to do what is left in the end.
  [[nodiscard]] bool may_leave_jobs() const {
    return are_functions_limited() || drains_at_ < steps_;
  }
  void choose_events();
  void one_event();
  void come_to_rest();
  [[nodiscard]] bool is_at_rest() const;
  [[nodiscard]] std::vector<Peer*> peers() const;

  Dice kind_;  // apart, so that what kind it is does not depend on what happens
  EngineSettings settings_;
  World world_;
  std::vector<Event> events_;
  std::uint64_t weights_ = 0;
  std::vector<std::unique_ptr<RoughPeer>> rough_;
  std::vector<std::unique_ptr<CallClient>> clients_;
  std::vector<std::unique_ptr<RowClient>> row_clients_;
  std::vector<std::unique_ptr<FsmWorker>> workers_;
  std::uint64_t steps_;
  milliseconds pause_max_;
  std::uint64_t drains_at_;  // a step; after the last one: never
};

EngineSettings History::settings_of(Dice& dice) {
  EngineSettings settings{.handle_prefix = "H"};
  if (dice.one_in(2)) settings.attempts_max = static_cast<std::uint32_t>(dice.between(1, 3));
  if (dice.one_in(4)) settings.exceptions_for_all = true;
  if (dice.one_in(3)) settings.clients_per_job_max = dice.between(1, 4);
  if (dice.one_in(3)) settings.function_queue_max = static_cast<std::uint32_t>(dice.between(1, 6));
  if (dice.one_in(4)) settings.timeout_action = TimeoutAction::fail;
  if (dice.one_in(6)) settings.jobs_max = dice.between(1, 20);
  if (dice.one_in(2)) settings.has_store = true;
  if (dice.one_in(3)) settings.memory_functions = {std::string(dice.pick(functions))};
  if (dice.one_in(8)) settings.memory_bytes_max = dice.between(300, 4000);
  if (dice.one_in(8)) settings.functions_max = dice.between(1, 3);
  if (dice.one_in(8)) settings.functions_per_worker_max = dice.between(1, 3);
  settings.unique_window = std::chrono::hours(24);
  if (dice.one_in(3)) {
    settings.unique_window = milliseconds(dice.pick(std::array<int, 5>{0, 1, 200, 3'000, 60'000}));
  }
  if (dice.one_in(3)) settings.unique_window_max = dice.below(5);
  if (settings.has_store && settings.memory_bytes_max == 0 && dice.one_in(2)) {
    settings.workload_memory_bytes_max = dice.pick(std::array<std::uint64_t, 4>{1, 20, 60, 200});
  }
  return settings;
}

Weather History::weather_of(Dice& dice) {
  Weather weather;
  weather.delay_ms_max = dice.pick(std::array<std::uint64_t, 4>{0, 3, 20, 200});
  weather.split_percent = dice.pick(std::array<std::uint64_t, 3>{0, 20, 80});
  weather.merge_percent = dice.pick(std::array<std::uint64_t, 3>{0, 30, 80});
  return weather;
}

History::History(const HistoryOptions& options)
    : kind_(options.seed ^ 0x9e3779b97f4a7c15),
      settings_(settings_of(kind_)),
      world_(options.seed, settings_, weather_of(kind_), options.is_verbose),
      steps_(kind_.one_in(20) ? kind_.between(1000, 3000) : kind_.between(20, 300)),
      pause_max_(kind_.pick(std::array<int, 4>{0, 2, 20, 500})),
      drains_at_(kind_.one_in(10) ? kind_.below(steps_) : steps_) {
  for (std::uint64_t i = kind_.between(are_functions_limited() ? 2 : 0, 6); i > 0; --i) {
    rough_.push_back(std::make_unique<RoughPeer>(world_));
  }
  if (!are_functions_limited()) {
    for (std::uint64_t i = kind_.below(6); i > 0; --i) {
      clients_.push_back(std::make_unique<CallClient>(world_));
    }
    for (std::uint64_t i = kind_.below(3); i > 0; --i) {
      row_clients_.push_back(std::make_unique<RowClient>(world_, i));
    }
    for (std::uint64_t i = kind_.below(4); i > 0; --i) {
      workers_.push_back(std::make_unique<FsmWorker>(world_, false));
    }
  }
  choose_events();
}

// Each history is about some kinds of events more than about others, and about some not at all:
// rare things then happen often somewhere.
void History::choose_events() {
  for (Event event : events_there_are()) {
    event.weight *= kind_.pick(std::array<std::uint64_t, 5>{0, 1, 1, 2, 5});
    weights_ += event.weight;
    events_.push_back(event);
  }
  if (weights_ == 0) weights_ = events_[0].weight = 1;
}

std::uint64_t History::run() {
  for (std::uint64_t step = 0; step < steps_; ++step) {
    if (step == drains_at_) world_.server.drain();
    one_event();
    world_.timeline.run_until(world_.timeline.now().steady +
                              milliseconds(world_.dice.below(pause_max_.count() + 1)));
  }
  come_to_rest();
  world_.reckon();
  return world_.server.engine().events();
}

void History::one_event() {
  std::uint64_t chosen = world_.dice.below(weights_);
  for (const Event& event : events_) {
    if (chosen < event.weight) return (this->*event.happen)();
    chosen -= event.weight;
  }
}

void History::call() {
  if (!clients_.empty()) world_.dice.pick(clients_)->call();
}

void History::add_rows() {
  if (!row_clients_.empty()) world_.dice.pick(row_clients_)->add_rows();
}

void History::retire_worker() {
  if (!workers_.empty()) world_.dice.pick(workers_)->retire();
}

void History::cut_a_connection() {
  const auto all = peers();
  if (!all.empty()) world_.dice.pick(all)->lose_connection();
}

void History::set_wall_clock() {
  const auto change = static_cast<std::int64_t>(world_.dice.below(7'200'001)) - 3'600'000;
  world_.timeline.set_wall(milliseconds(world_.dice.one_in(2) ? change : change / 1000));
}

void History::change_limits() {
  EngineSettings changed = settings_of(world_.dice);
  changed.functions_max = settings_.functions_max;
  changed.functions_per_worker_max = settings_.functions_per_worker_max;
  changed.memory_bytes_max = settings_.memory_bytes_max;
  changed.has_store = settings_.has_store;
  const bool may_leave_workloads = settings_.has_store && settings_.memory_bytes_max == 0;
  if (!may_leave_workloads) changed.workload_memory_bytes_max = 0;
  changed.memory_functions = settings_.memory_functions;
  world_.change(changed);
}

void History::let_time_pass() {
  world_.timeline.run_until(world_.timeline.now().steady + world_.dice.delay(120'000));
}

void History::kill_server() {
  if (!settings_.has_store) return;
  for (Peer* peer : peers()) peer->lose_connection();
  world_.restart_server();
}

// Whoever began something ends it, and good workers do what is left. What is scheduled for a day
// too far away, or for a function that nobody may register, is cancelled, and so is everything when
// the server drains.
void History::come_to_rest() {
  world_.say("calm");
  world_.calm();
  for (Peer* peer : peers()) peer->calm();
  for (int i = 0; i < 2 && !are_functions_limited(); ++i) {
    workers_.push_back(std::make_unique<FsmWorker>(world_, true));
  }

  constexpr int rounds_max = 600;
  const int patience_rounds = may_leave_jobs() ? 5 : 200;
  RoughPeer clerk(world_);
  for (int round = 0; round < rounds_max && !is_at_rest(); ++round) {
    world_.timeline.run_until(world_.timeline.now().steady + seconds(1));
    if (round >= patience_rounds) {
      clerk.cancel(may_leave_jobs() ? RoughPeer::Which::all : RoughPeer::Which::scheduled);
    }
  }
  if (is_at_rest() && clerk.is_done()) return;
  std::string who;
  for (const Peer* peer : peers()) {
    if (!peer->is_done()) who += "\n  " + peer->state();
  }
  throw Failure("after " + std::to_string(rounds_max) + " s of calm " +
                std::to_string(world_.model().jobs().size()) + " jobs are left, and" + who);
}

bool History::is_at_rest() const {
  const auto all = peers();
  return world_.model().jobs().empty() &&
         std::ranges::all_of(all, [](const Peer* peer) { return peer->is_done(); });
}

std::vector<Peer*> History::peers() const {
  std::vector<Peer*> all;
  for (const auto& peer : rough_) all.push_back(peer.get());
  for (const auto& peer : clients_) all.push_back(peer.get());
  for (const auto& peer : row_clients_) all.push_back(peer.get());
  for (const auto& peer : workers_) all.push_back(peer.get());
  return all;
}

}  // namespace

std::uint64_t run_history(const HistoryOptions& options) {
  return History(options).run();
}

}  // namespace gman::sim
