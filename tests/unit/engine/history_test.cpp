// SPDX-License-Identifier: BSD-3-Clause
// Random histories of clients, workers, operators and time, against a model that is too simple to
// be wrong: plain maps, no indexes. It says what must come out of every event, but for two
// freedoms: which of several functions a worker is served, and which sleeper is woken.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "protocol/extended.hpp"
#include "protocol/limits.hpp"
#include "server/engine/engine.hpp"

namespace gman::test {
namespace {

constexpr std::size_t peers = 8;
constexpr std::array<std::string_view, 3> functions{"f", "g", "h"};
constexpr std::array<std::string_view, 6> uniques{"", "", "a", "b", "c", "-"};
constexpr std::array<std::string_view, 3> workloads{"", "x", "y"};
constexpr std::array<Priority, 3> priorities{Priority::high, Priority::normal, Priority::low};

struct ModelJob {
  std::string handle, function, unique, workload;
  Priority priority{};
  bool is_background = false;
  bool is_cancelled = false;
  bool has_key = true;  // no newer job took it
  std::uint32_t attempts_lost = 0;
  std::vector<std::size_t> clients{};
  enum class State { scheduled, queued, running } state = State::queued;
  std::uint64_t queued_as = 0;     // order in the queue
  std::size_t worker = 0;          // of a running job
  std::int64_t due_ms = 0;         // of a scheduled one
  std::optional<Instant> alarm{};  // of both
  std::uint64_t alarm_set_as = 0;
};

struct ModelPeer {
  std::map<std::string, std::uint32_t, std::less<>> abilities{};  // and their time limits in ms
  bool is_asleep = false;
  bool wants_exceptions = false;
  int owed = 0;  // foreground submits without a final answer
};

class History {
 public:
  History(std::uint32_t seed, EngineSettings settings)
      : random_(seed), settings_(settings), engine_(settings) {
    now_.steady = Instant(std::chrono::hours(1));
    now_.wall = WallTime(std::chrono::sys_days(std::chrono::year{2026} / 11 / 22));
    for (std::size_t i = 0; i < peers; ++i) connect(i);
  }

  void run(int steps) {
    for (int step = 0; step < steps; ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      one_event();
      settle();
      if (::testing::Test::HasFailure()) return;
    }
    drain();
  }

 private:
  std::size_t dice(std::size_t sides) { return random_() % sides; }
  template <class Range>
  auto any_of(const Range& range) {
    return range[dice(range.size())];
  }

  void one_event() {
    const std::size_t who = dice(peers);
    switch (dice(20)) {
      case 0:
      case 1: return submit(who);
      case 2: return submit_extended(who);
      case 3: return dice(2) == 0 ? submit_many(who) : submit(who);
      case 4:
      case 5:
      case 6:
      case 7: return grab(who);
      case 8:
      case 9: return finish(who);
      case 10: return report(who);
      case 11:
      case 12: return can_do(who);
      case 13: return dice(4) == 0 ? reset_abilities(who) : cant_do(who);
      case 14:
      case 15: return pre_sleep(who);
      case 16: return dice(4) == 0 ? reconnect(who) : get_status(who);
      case 17: return dice(4) == 0 ? cancel() : option(who);
      case 18: return pass(milliseconds(dice(60)));
      case 19: return pass(milliseconds(dice(dice(10) == 0 ? 90'000 : 3'000)));
    }
  }

  // Events.

  void submit(std::size_t who) {
    const std::string workload(any_of(workloads));
    SubmitJob request = random_submit(workload);
    if (dice(8) == 0) {
      request.mode = JobMode::background;
      request.priority = Priority::normal;
      request.run_at_epoch_seconds = wall_ms() / 1000 + static_cast<std::int64_t>(dice(100)) - 5;
    }
    handle(who, request);
    expect_submitted(who, request);
  }

  void submit_extended(std::size_t who) {
    const std::string workload(any_of(workloads));
    SubmitJob request = random_extended_submit(workload);
    std::string packet;
    append_submit(packet, request);
    handle_extended(who, PacketType::submit, packet);
    expect_submitted(who, request);
  }

  void submit_many(std::size_t who) {
    SubmitJob request = random_extended_submit({});
    std::vector<JobOfMany> jobs(1 + dice(4));
    for (JobOfMany& job : jobs) job = {any_of(uniques), any_of(workloads)};
    std::string packet;
    append_submit_many(packet, request, jobs);
    handle_extended(who, PacketType::submit_many, packet);
    for (const JobOfMany& job : jobs) {
      request.unique = job.unique;
      request.workload = job.workload;
      expect_submitted(who, request);
    }
  }

  SubmitJob random_submit(std::string_view workload) {
    return {.function = any_of(functions),
            .unique = any_of(uniques),
            .workload = workload,
            .priority = any_of(priorities),
            .mode = dice(2) == 0 ? JobMode::foreground : JobMode::background};
  }
  SubmitJob random_extended_submit(std::string_view workload) {
    SubmitJob request = random_submit(workload);
    request.unique_mode = dice(3) == 0 ? UniqueMode::alive : UniqueMode::until_start;
    if (dice(4) == 0) {
      request.run_at_epoch_ms = wall_ms() + static_cast<std::int64_t>(dice(100'000)) - 5'000;
    }
    return request;
  }

  // What one submit must have brought.
  void expect_submitted(std::size_t who, const SubmitJob& request) {
    const bool is_foreground = request.mode == JobMode::foreground;
    ModelJob* known = find(request.function, request.unique, request.workload);
    const bool is_started = known != nullptr && known->state == ModelJob::State::running;
    if (known != nullptr && !(is_started && request.unique_mode == UniqueMode::until_start)) {
      if (is_foreground && known->clients.size() >= settings_.clients_per_job_max) {
        return expect(who, "ERROR Too many clients wait for this job");
      }
      known->is_background |= !is_foreground;
      if (is_foreground) known->clients.push_back(who);
      if (is_foreground) ++peers_[who].owed;
      return expect(who, "JOB_CREATED " + known->handle);
    }
    if (settings_.function_queue_max != 0 &&
        waiting(request.function) >= settings_.function_queue_max) {
      return expect(who, "ERROR Job queue is full");
    }
    if (settings_.jobs_max != 0 && waiting() >= settings_.jobs_max) {
      return expect(who, "ERROR Too many jobs wait: jobs-max");
    }
    if (known != nullptr) known->has_key = false;
    ModelJob job{.handle = created_handle(),
                 .function = std::string(request.function),
                 .unique = std::string(request.unique),
                 .workload = std::string(request.workload),
                 .priority = request.priority,
                 .is_background = !is_foreground};
    EXPECT_TRUE(handles_.insert(job.handle).second) << "a handle came twice";
    expect(who, "JOB_CREATED " + job.handle);
    if (is_foreground) job.clients.push_back(who);
    if (is_foreground) ++peers_[who].owed;
    std::int64_t due_ms = request.run_at_epoch_ms.value_or(0);
    if (request.run_at_epoch_seconds) due_ms = *request.run_at_epoch_seconds * 1000;
    if (due_ms > wall_ms()) {
      job.state = ModelJob::State::scheduled;
      job.due_ms = due_ms;
      set_schedule_alarm(job);
    } else {
      enqueue(job);
    }
    const std::string handle_of_job = job.handle;
    jobs_.emplace(handle_of_job, std::move(job));
  }

  void grab(std::size_t who) {
    peers_[who].is_asleep = false;
    handle(who, GrabJob{GrabForm::unique});
    const auto& abilities = peers_[who].abilities;
    std::optional<Priority> best;
    for (const auto& [name, job] : jobs_) {
      if (job.state != ModelJob::State::queued || !abilities.contains(job.function)) continue;
      best = std::min(best.value_or(Priority::low), job.priority);
    }
    if (!best) return expect(who, "NO_JOB");

    const std::string assigned = assigned_handle();
    const auto found = jobs_.find(assigned);
    ASSERT_NE(found, jobs_.end()) << "assigned an unknown job";
    ModelJob& job = found->second;
    EXPECT_EQ(job.state, ModelJob::State::queued) << "assigned to two workers";
    EXPECT_EQ(job.priority, *best) << "a higher priority waited";
    EXPECT_TRUE(abilities.contains(job.function));
    for (const auto& [name, other] : jobs_) {
      const bool is_rival = other.state == ModelJob::State::queued &&
                            other.function == job.function && other.priority == job.priority;
      EXPECT_FALSE(is_rival && other.queued_as < job.queued_as) << "an earlier job waited";
    }
    job.state = ModelJob::State::running;
    job.worker = who;
    const std::uint32_t timeout_ms = abilities.find(job.function)->second;
    if (timeout_ms != 0) set_alarm(job, now_.steady + milliseconds(timeout_ms));
    expect(who, "JOB_ASSIGN_UNIQ " + job.handle + " " + job.function + " " + job.unique + " " +
                    job.workload);
  }

  void finish(std::size_t who) {
    ModelJob* job = random_job();
    if (job == nullptr) return;
    const std::string name = job->handle;
    const bool is_owner = job->state == ModelJob::State::running && job->worker == who;
    switch (dice(3)) {
      case 0:
        handle(who, WorkComplete{name, "done"});
        if (!is_owner) return expect(who, "ERROR Job given in work result not found");
        return end(*job, [&](std::size_t) { return "WORK_COMPLETE " + name + " done"; });
      case 1:
        handle(who, WorkFail{name});
        if (!is_owner) return expect(who, "ERROR Job given in work result not found");
        return end(*job, [&](std::size_t) { return "WORK_FAIL " + name; });
      case 2:
        handle(who, WorkException{name, "oops"});
        if (!is_owner) {
          return expect(who, "ERROR An exception was received for a job that does not exist");
        }
        return end(*job, [&](std::size_t client) {
          return peers_[client].wants_exceptions ? "WORK_EXCEPTION " + name + " oops"
                                                 : "WORK_FAIL " + name;
        });
    }
  }

  void report(std::size_t who) {
    ModelJob* job = random_job();
    if (job == nullptr) return;
    handle(who, WorkData{job->handle, "part"});
    if (job->state != ModelJob::State::running || job->worker != who) {
      return expect(who, "ERROR Job does not exist on server");
    }
    for (const std::size_t client : job->clients) {
      expect(client, "WORK_DATA " + job->handle + " part");
    }
  }

  void can_do(std::size_t who) {
    const std::string function(any_of(functions));
    const auto timeout_ms = static_cast<std::uint32_t>(dice(3) == 0 ? 1 + dice(2000) : 0);
    handle(who, CanDo{function, timeout_ms});
    peers_[who].abilities[function] = timeout_ms;
  }
  void cant_do(std::size_t who) {
    const std::string function(any_of(functions));
    handle(who, CantDo{function});
    peers_[who].abilities.erase(function);
  }
  void reset_abilities(std::size_t who) {
    handle(who, ResetAbilities{});
    peers_[who].abilities.clear();
  }
  void pre_sleep(std::size_t who) {
    peers_[who].is_asleep = true;
    handle(who, PreSleep{});
  }
  void option(std::size_t who) {
    handle(who, OptionReq{"exceptions"});
    peers_[who].wants_exceptions = true;
    expect(who, "OPTION_RES");
  }
  void get_status(std::size_t who) {
    ModelJob* job = random_job();
    if (job == nullptr) return;
    handle(who, GetStatus{job->handle});
    const bool is_running = job->state == ModelJob::State::running;
    expect(who, "STATUS_RES " + job->handle + " 1 " + (is_running ? "1" : "0"));
  }

  void cancel() {
    ModelJob* job = random_job();
    if (job == nullptr) return;
    const std::string name = job->handle;
    EXPECT_TRUE(engine_.cancel_job(name, now_, effects_));
    collect();
    const auto told = [&](std::size_t) { return "WORK_FAIL " + name; };
    if (job->state != ModelJob::State::running) return end(*job, told);
    tell(*job, told);
    job->clients.clear();
    job->is_cancelled = true;
  }

  void reconnect(std::size_t who) {
    engine_.disconnected(ids_[who], now_, effects_);
    collect();
    for (auto at = jobs_.begin(); at != jobs_.end();) {
      ModelJob& job = (at++)->second;
      std::erase(job.clients, who);
      const bool is_running = job.state == ModelJob::State::running;
      if (!is_running && !is_wanted(job)) jobs_.erase(job.handle);
    }
    std::vector<std::string> lost;
    for (const auto& [name, job] : jobs_) {
      if (job.state == ModelJob::State::running && job.worker == who) lost.push_back(name);
    }
    // They go back in the order in which the worker got them.
    std::ranges::sort(lost, {}, [&](const std::string& name) { return started_[name]; });
    for (const std::string& name : lost) lose_worker(jobs_.at(name));
    connect(who);
  }

  // As the shell does: a tick whenever a deadline has come.
  void pass(milliseconds time) {
    const Instant end = now_.steady + time;
    while (now_.steady < end) {
      const Instant next = std::min(engine_.next_deadline().value_or(end), end);
      const auto step = std::max(next - now_.steady, Instant::duration{});
      now_.steady += step;
      now_.wall += duration_cast<WallTime::duration>(step);
      engine_.tick(now_, effects_);
      collect();
      ring_alarms();
    }
  }

  void ring_alarms() {
    while (true) {
      ModelJob* first = nullptr;
      for (auto& [name, job] : jobs_) {
        if (!job.alarm || *job.alarm > now_.steady) continue;
        if (first == nullptr || std::pair(*job.alarm, job.alarm_set_as) <
                                    std::pair(*first->alarm, first->alarm_set_as)) {
          first = &job;
        }
      }
      if (first == nullptr) return;
      first->alarm.reset();
      if (first->state == ModelJob::State::running) {
        if (settings_.timeout_action == TimeoutAction::fail) {
          end(*first, [&](std::size_t) { return "WORK_FAIL " + first->handle; });
        } else {
          lose_worker(*first);
        }
      } else if (first->due_ms > wall_ms()) {
        set_schedule_alarm(*first);
      } else {
        enqueue(*first);
      }
    }
  }

  // The model's few rules.

  ModelJob* find(std::string_view function, std::string_view unique, std::string_view workload) {
    if (unique.empty() || (unique == "-" && workload.empty())) return nullptr;
    for (auto& [name, job] : jobs_) {
      if (job.is_cancelled || !job.has_key) continue;
      if (job.function != function || job.unique != unique) continue;
      if (unique == "-" && job.workload != workload) continue;
      return &job;
    }
    return nullptr;
  }
  static bool is_wanted(const ModelJob& job) {
    return !job.is_cancelled && (job.is_background || !job.clients.empty());
  }
  std::size_t waiting() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        jobs_, [](const auto& entry) { return entry.second.state != ModelJob::State::running; }));
  }
  std::size_t waiting(std::string_view function) const {
    return static_cast<std::size_t>(std::ranges::count_if(jobs_, [&](const auto& entry) {
      return entry.second.function == function && entry.second.state != ModelJob::State::running;
    }));
  }
  void enqueue(ModelJob& job) {
    job.state = ModelJob::State::queued;
    job.queued_as = ++order_;
    job.alarm.reset();
  }
  void set_alarm(ModelJob& job, Instant at) {
    job.alarm = at;
    job.alarm_set_as = ++order_;
  }
  void set_schedule_alarm(ModelJob& job) {
    const auto ahead = WallTime(milliseconds(std::min(job.due_ms, wall_ms() + 60'000))) - now_.wall;
    set_alarm(job, now_.steady + duration_cast<Instant::duration>(ahead));
  }
  template <class Text>
  void tell(ModelJob& job, const Text& text) {
    for (const std::size_t client : job.clients) {
      expect(client, text(client));
      --peers_[client].owed;
    }
  }
  template <class Text>
  void end(ModelJob& job, const Text& text) {
    tell(job, text);
    jobs_.erase(std::string(job.handle));
  }
  void lose_worker(ModelJob& job) {
    ++job.attempts_lost;
    if (!is_wanted(job)) {
      jobs_.erase(std::string(job.handle));
    } else if (settings_.attempts_max != 0 && job.attempts_lost >= settings_.attempts_max) {
      end(job, [&](std::size_t) { return "WORK_FAIL " + job.handle; });
    } else {
      job.has_key |= find(job.function, job.unique, job.workload) == nullptr;
      enqueue(job);
    }
  }
  ModelJob* random_job() {
    if (jobs_.empty()) return nullptr;
    return &std::next(jobs_.begin(), static_cast<std::ptrdiff_t>(dice(jobs_.size())))->second;
  }
  std::int64_t wall_ms() const {
    return std::chrono::floor<milliseconds>(now_.wall.time_since_epoch()).count();
  }

  // The engine and what comes out of it.

  void connect(std::size_t who) {
    ids_[who] = ConnId{generation_++ << 32 | who};
    peers_[who] = {};
    engine_.connected(ids_[who]);
    for (const std::string_view name : {"gman.submit", "gman.submit_many"}) {
      engine_.handle(ids_[who], OptionReq{name}, now_, effects_);
    }
    effects_.clear();
  }
  void handle(std::size_t who, const Request& request) {
    engine_.handle(ids_[who], request, now_, effects_);
    collect();
  }
  void handle_extended(std::size_t who, PacketType type, std::string_view packet) {
    handle(who, ExtendedRequest{type, packet.substr(header_bytes)});
  }
  void expect(std::size_t who, const std::string& text) { expected_.emplace_back(who, text); }

  void settle() {
    EXPECT_EQ(happened_, expected_);
    happened_.clear();
    expected_.clear();
    engine_.check();
    std::size_t queued = 0;
    std::size_t running = 0;
    for (const auto& [name, job] : jobs_) {
      queued += job.state == ModelJob::State::queued ? 1 : 0;
      running += job.state == ModelJob::State::running ? 1 : 0;
    }
    EXPECT_EQ(engine_.queued_jobs(), queued);
    EXPECT_EQ(engine_.running_jobs(), running);
  }

  void collect() {
    for (const Effects::Effect& effect : effects_.list()) {
      const auto& sent = std::get<Effects::Send>(effect);
      const auto who = static_cast<std::size_t>(sent.to.value & 0xffffffff);
      ASSERT_EQ(ids_[who], sent.to) << "sent to a connection that is gone";
      std::string_view bytes = effects_.bytes_of(sent);
      while (!bytes.empty()) {
        const auto frame = next_frame(bytes);
        const auto response = parse_response(std::get<Packet>((*frame)->unit));
        ASSERT_TRUE(response);
        std::visit([&](const auto& r) { note(who, r); }, *response);
        bytes.remove_prefix((*frame)->bytes);
      }
    }
    effects_.clear();
  }

  void note(std::size_t who, const Noop&) {
    EXPECT_TRUE(peers_[who].is_asleep) << "woke one who does not sleep";
    peers_[who].is_asleep = false;
  }
  void note(std::size_t who, const JobCreated& r) {
    note_text(who, "JOB_CREATED " + std::string(r.handle));
  }
  void note(std::size_t who, const JobAssign& r) {
    started_[std::string(r.handle)] = ++order_;
    note_text(who, "JOB_ASSIGN_UNIQ " + std::string(r.handle) + " " + std::string(r.function) +
                       " " + std::string(r.unique) + " " + std::string(r.workload));
  }
  void note(std::size_t who, const NoJob&) { note_text(who, "NO_JOB"); }
  void note(std::size_t who, const WorkComplete& r) {
    note_text(who, "WORK_COMPLETE " + std::string(r.handle) + " " + std::string(r.data));
  }
  void note(std::size_t who, const WorkException& r) {
    note_text(who, "WORK_EXCEPTION " + std::string(r.handle) + " " + std::string(r.data));
  }
  void note(std::size_t who, const WorkData& r) {
    note_text(who, "WORK_DATA " + std::string(r.handle) + " " + std::string(r.data));
  }
  void note(std::size_t who, const WorkFail& r) {
    note_text(who, "WORK_FAIL " + std::string(r.handle));
  }
  void note(std::size_t who, const StatusRes& r) {
    note_text(who, "STATUS_RES " + std::string(r.handle) + (r.known ? " 1" : " 0") +
                       (r.running ? " 1" : " 0"));
  }
  void note(std::size_t who, const OptionRes&) { note_text(who, "OPTION_RES"); }
  void note(std::size_t who, const ErrorRes& r) { note_text(who, "ERROR " + std::string(r.text)); }
  void note(std::size_t who, const auto&) { note_text(who, "something nobody asked for"); }
  void note_text(std::size_t who, std::string text) { happened_.emplace_back(who, text); }

  [[nodiscard]] std::string created_handle() const {
    constexpr std::string_view created = "JOB_CREATED ";
    const std::size_t next = expected_.size();  // whose answer is looked at
    if (next >= happened_.size() || !happened_[next].second.starts_with(created)) return "none";
    return happened_[next].second.substr(created.size());
  }
  [[nodiscard]] std::string assigned_handle() const {
    constexpr std::string_view assigned = "JOB_ASSIGN_UNIQ ";
    if (happened_.empty() || !happened_.back().second.starts_with(assigned)) return "none";
    const std::string rest = happened_.back().second.substr(assigned.size());
    return rest.substr(0, rest.find(' '));
  }

  // A worker of everything finishes what is left: nothing is lost, everybody is answered.
  void drain() {
    for (const std::string_view function : functions) handle(0, CanDo{function});
    for (const std::string_view function : functions) {
      peers_[0].abilities[std::string(function)] = 0;
    }
    pass(std::chrono::minutes(3));
    settle();
    for (std::size_t who = 1; who < peers; ++who) {
      while (true) {
        const auto running = std::ranges::find_if(jobs_, [&](const auto& entry) {
          return entry.second.state == ModelJob::State::running && entry.second.worker == who;
        });
        if (running == jobs_.end()) break;
        complete(running->second);
      }
    }
    while (true) {
      grab(0);
      const bool is_done = happened_.back().second == "NO_JOB";
      settle();
      if (is_done || ::testing::Test::HasFailure()) break;
    }
    while (!jobs_.empty() && !::testing::Test::HasFailure()) complete(jobs_.begin()->second);
    EXPECT_EQ(engine_.queued_jobs() + engine_.running_jobs(), 0);
    EXPECT_TRUE(engine_.jobs().empty());
    EXPECT_TRUE(engine_.uniques().empty());
    for (const ModelPeer& peer : peers_) EXPECT_EQ(peer.owed, 0);
  }
  void complete(ModelJob& job) {
    handle(job.worker, WorkComplete{job.handle, "done"});
    end(job, [&](std::size_t) { return "WORK_COMPLETE " + job.handle + " done"; });
    settle();
  }

  std::mt19937_64 random_;
  EngineSettings settings_;
  Engine engine_;
  Effects effects_;
  Now now_;
  std::uint64_t generation_ = 0;
  std::array<ConnId, peers> ids_{};
  std::array<ModelPeer, peers> peers_{};
  std::map<std::string, ModelJob> jobs_;
  std::map<std::string, std::uint64_t> started_;
  std::set<std::string> handles_;
  std::uint64_t order_ = 0;
  using Events = std::vector<std::pair<std::size_t, std::string>>;
  Events happened_, expected_;
};

class RandomHistory : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(RandomHistory, is_what_the_model_says) {
  const std::uint32_t seed = GetParam();
  EngineSettings settings{.handle_prefix = "H", .clients_per_job_max = 3};
  if (seed % 2 == 0) settings.attempts_max = 2;
  if (seed % 3 == 0) settings.function_queue_max = 4;
  if (seed % 4 == 0) settings.timeout_action = TimeoutAction::fail;
  if (seed % 4 == 1) settings.jobs_max = 9;
  History(seed, settings).run(7'000);
}

INSTANTIATE_TEST_SUITE_P(seeds, RandomHistory, ::testing::Range(1U, 13U));

}  // namespace
}  // namespace gman::test
