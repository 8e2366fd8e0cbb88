// SPDX-License-Identifier: BSD-3-Clause
// Core: the engine's state, and its rules by file.
//
//   submit.cpp  a job comes: coalescing, limits, schedules
//   extended.cpp  the packets from 1000 up, which come to the same
//   grab.cpp    abilities, and which job a worker gets
//   wake.cpp    who sleeps, and who is woken for what
//   storing.cpp  what outlives the process
//   read_ahead.cpp  workloads that stay in the store until they are needed
//   work.cpp    a job's run: reports, results, losing its worker, its end
//   status.cpp  questions of clients
//   admin.cpp   questions and orders of operators
//   check.cpp   the laws that hold between any two calls
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/extended.hpp"
#include "server/engine/earlier_handles.hpp"
#include "server/engine/engine.hpp"
#include "server/engine/job.hpp"
#include "server/engine/job_handle.hpp"
#include "server/engine/memory/block_store.hpp"
#include "server/engine/queue/function_table.hpp"
#include "server/engine/remembered_uniques.hpp"
#include "server/engine/timer_wheel.hpp"
#include "server/engine/unique_index.hpp"
#include "server/engine/worker/connection.hpp"

namespace gman::engine {

class Core {
 public:
  explicit Core(EngineSettings settings);

  // engine.cpp
  void connected(ConnId conn);
  void handle(ConnId conn, const Request& request, Now now, Effects& effects);
  void disconnected(ConnId conn, Now now, Effects& effects);
  void tick(Now now, Effects& effects);
  [[nodiscard]] std::optional<Instant> next_deadline() const { return timers_.next_deadline(); }
  void change(EngineSettings settings);
  void stop_assigning() { assigning_ = false; }
  [[nodiscard]] std::size_t running_jobs() const { return running_; }
  [[nodiscard]] std::size_t queued_jobs() const { return queued_; }
  [[nodiscard]] std::size_t scheduled_jobs() const {
    return jobs_.size() - running_ - queued_ - storing_;
  }
  [[nodiscard]] std::size_t storing_jobs() const { return storing_; }
  [[nodiscard]] std::uint64_t memory_bytes() const {
    return texts_.bytes() + jobs_.size() * sizeof(Job) + uniques_.size() * unique_bytes;
  }

  // admin.cpp
  [[nodiscard]] std::vector<FunctionStatus> status() const;
  [[nodiscard]] std::vector<FunctionPriorityStatus> priority_status() const;
  [[nodiscard]] std::vector<JobStatusRow> jobs() const;
  [[nodiscard]] std::vector<std::string_view> uniques() const;
  [[nodiscard]] std::string_view client_id(ConnId conn) const;
  [[nodiscard]] std::vector<std::string_view> functions_of(ConnId conn) const;
  void create_function(std::string_view function);
  [[nodiscard]] Engine::DropResult drop_function(std::string_view function);
  void set_queue_max(std::string_view function, const QueueMax& jobs_max);
  [[nodiscard]] bool cancel_job(std::string_view handle, Now now, Effects& effects);

  // storing.cpp
  void know_start(std::uint32_t number, std::string handle_prefix) {
    earlier_handles_.know_start(number, std::move(handle_prefix));
  }
  void restore(const JobRecord& record, Now now);
  [[nodiscard]] std::optional<std::uint32_t> copy_stored(std::uint32_t from, std::size_t count,
                                                         JobChanges& into) const;
  void stored(std::uint64_t batch, Now now, Effects& effects);
  void give_up_storing(Now now, Effects& effects);
  [[nodiscard]] std::optional<std::uint32_t> disown_stored(std::uint32_t from, std::size_t count,
                                                           Now now, Effects& effects);
  void set_store_fault(std::string text) { store_fault_ = std::move(text); }

  // read_ahead.cpp
  void fetched(JobNumber number, std::string_view workload, Now now, Effects& effects);
  std::vector<JobNumber> lost(std::span<const JobNumber> numbers, Now now, Effects& effects);
  [[nodiscard]] WorkloadsAway away() const {
    return {.jobs = away_jobs_, .bytes = away_bytes_, .bytes_here = both_bytes_};
  }

  void check() const;

 private:
  // What a unique costs in its table, about.
  static constexpr std::size_t unique_bytes = 24;

  /// Everything a rule may need of the call it serves.
  struct Turn {
    Now now;
    Effects& effects;
  };

  // engine.cpp
  [[nodiscard]] Connection& connection(ConnId id) const;

  // submit.cpp
  void on(Connection& client, const SubmitJob& request, Turn turn);
  void answer_ended(const Connection& client, const SubmitJob& request, Turn turn);
  void join(Connection& client, const SubmitJob& request, JobSlot slot, Turn turn);
  /// Why one more job is not taken; empty: it is.
  [[nodiscard]] std::string_view limit_reached(const SubmitJob& request, FunctionId function,
                                               bool is_keyed) const;
  [[nodiscard]] JobSlot create_job(const SubmitJob& request, FunctionId function,
                                   const std::optional<UniqueKey>& key);
  /// Any state or none -> Scheduled or Queued.
  void place(JobSlot slot, std::optional<std::int64_t> due_ms, Turn turn);
  void add_client(JobSlot slot, Connection& client);
  void take_key_back(JobSlot slot);
  void release_key(JobSlot slot);
  void schedule(JobSlot slot, std::int64_t due_ms, Turn turn);
  void due(JobSlot slot, Turn turn);
  void requeue(JobSlot slot, Turn turn);
  void enqueue(JobSlot slot, Turn turn);

  // storing.cpp
  [[nodiscard]] bool is_durable(FunctionId function, JobMode mode) const {
    return mode == JobMode::background && functions_[function].durability == Durability::sync;
  }
  void store_first(JobSlot slot, std::optional<std::int64_t> due_ms, Turn turn);
  void add_to_store(JobSlot slot, Turn turn);
  [[nodiscard]] JobRecord record_of(JobSlot slot) const;
  /// The one that the store must have before it surely has the job.
  [[nodiscard]] static std::uint64_t batch_of(const Job& job, Turn turn);
  [[nodiscard]] bool is_restored(const Job& job) const {
    return job.number < settings_.first_job_number;
  }

  // read_ahead.cpp
  /// The store has the job: from now on its workload need not be in memory.
  void may_leave(JobSlot slot);
  void leave_until_due(JobSlot slot);
  void leave_if_far_behind(JobSlot slot);
  void leave_workload(JobSlot slot);
  void bring_workload(JobSlot slot, std::string_view workload);
  void forget_workload(JobSlot slot);
  void look_ahead(FunctionId function, Priority priority, Turn turn);
  void ask(Turn turn);
  [[nodiscard]] bool has_room(std::uint64_t bytes_max) const {
    return settings_.workload_memory_bytes_max == 0 || both_bytes_ + coming_bytes_ <= bytes_max;
  }
  [[nodiscard]] bool is_hungry(const Function& function, const Function::Queue& queue) const;
  [[nodiscard]] bool is_far_ahead(const Function::Queue& queue) const;

  // extended.cpp
  void on(Connection& peer, const ExtendedRequest& request, Turn turn);
  void submit_one(Connection& client, std::string_view body, Turn turn);
  void submit_many(Connection& client, std::string_view body, Turn turn);
  void can_do_many(Connection& worker, std::string_view body, Turn turn);
  void refuse(const Connection& peer, const ExtendedFault& fault, Turn turn);

  // grab.cpp
  void on(Connection& worker, const CanDo& request, Turn turn);
  void on(Connection& worker, const CantDo& request, Turn turn);
  void on(Connection& worker, const ResetAbilities& request, Turn turn);
  void on(Connection& worker, const AllYours& request, Turn turn);
  void on(Connection& worker, const GrabJob& request, Turn turn);
  void forget_ability(Connection& worker, FunctionId function);
  [[nodiscard]] std::optional<std::uint32_t> choose_registration(const Connection& worker) const;
  void start(JobSlot slot, Connection& worker, std::uint32_t timeout_ms, Turn turn);

  // wake.cpp
  [[nodiscard]] bool assigns() const { return assigning_ && !disowning_; }
  void on(Connection& worker, const PreSleep& request, Turn turn);
  void wake_for(FunctionId function, Turn turn);
  void wake(Connection& worker, FunctionId function, Turn turn);
  void settle_wake(Connection& worker, Turn turn);
  void patience_over(Connection& worker, Turn turn);
  void place_ability(std::uint32_t ability, Ability::Place place);

  // work.cpp
  void on(Connection& worker, const WorkStatus& request, Turn turn);
  void on(Connection& worker, const WorkData& request, Turn turn);
  void on(Connection& worker, const WorkWarning& request, Turn turn);
  void on(Connection& worker, const WorkComplete& request, Turn turn);
  void on(Connection& worker, const WorkFail& request, Turn turn);
  void on(Connection& worker, const WorkException& request, Turn turn);
  [[nodiscard]] JobSlot running_job(const Connection& worker, std::string_view handle,
                                    std::string_view refusal, Turn turn);
  void tell_clients(const Job& job, const Response& response, Turn turn);
  void time_over(JobSlot slot, Turn turn);
  void lose_worker(JobSlot slot, Turn turn);
  void leave(std::uint32_t wait, Turn turn);
  void remember_failed(const Job& job, Turn turn);
  void fail(JobSlot slot, Turn turn);
  void end_failed(JobSlot slot, Turn turn);
  void release_clients(Job& job);
  void leave_state(JobSlot slot);
  void forget(JobSlot slot, Turn turn);

  // status.cpp
  void on(Connection& client, const GetStatus& request, Turn turn);
  void on(Connection& client, const GetStatusUnique& request, Turn turn);
  void on(Connection& conn, const EchoReq& request, Turn turn);
  void on(Connection& conn, const OptionReq& request, Turn turn);
  void on(Connection& conn, const SetClientId& request, Turn turn);

  // check.cpp
  void check_jobs() const;
  void check_functions() const;
  struct WorkloadSums {
    std::uint64_t both_bytes = 0, coming_bytes = 0, away_bytes = 0;
    std::size_t away = 0, coming = 0;
  };
  void check_workload(JobSlot slot, WorkloadSums& sums) const;
  void check_queue(const Function& function, const Function::Queue& queue) const;
  void check_connections() const;

  [[nodiscard]] JobHandles::Text handle_of(JobSlot slot) const {
    if (is_restored(jobs_[slot])) return earlier_handles_.format(slot);
    return handles_.format({slot, jobs_.generation_of(slot)});
  }
  /// nil: no such job.
  [[nodiscard]] JobSlot find_job(std::string_view handle) const;

  EngineSettings settings_;
  RegionPool regions_{settings_.pages_ahead};  // first, since the pools below live in it
  BlockStore texts_{regions_};
  Pool<Job> jobs_{regions_};
  Pool<ClientWait> waits_{regions_};
  Pool<Ability> abilities_{regions_};
  TimerWheel timers_{regions_};
  JobHandles handles_;
  EarlierHandles earlier_handles_;
  FunctionTable functions_;
  UniqueIndex uniques_;
  RememberedUniques remembered_;
  std::vector<std::unique_ptr<Connection>> connections_;  ///< by ConnSlot
  std::size_t running_ = 0;
  std::size_t queued_ = 0;
  std::size_t storing_ = 0;
  StoringJobs storing_jobs_{};  ///< in the order of their batches
  // Workloads that are, or may be, in the store alone.
  std::uint64_t both_bytes_ = 0;    ///< in memory and in the store
  std::uint64_t coming_bytes_ = 0;  ///< asked for
  std::uint64_t away_bytes_ = 0;    ///< not in memory, asked for or not
  std::size_t away_jobs_ = 0;
  boost::unordered_flat_map<JobNumber, JobSlot> coming_;  ///< jobs that are asked for
  struct QueueName {
    FunctionId function;
    Priority priority;
  };
  std::deque<QueueName> hungry_;  ///< queues that ask for more, in turn
  JobNumber next_number_;         ///< of jobs, and of places in queues
  std::string store_fault_;
  bool assigning_ = true;
  bool disowning_ = false;              ///< some of what another server has is still here
  mutable std::string listed_handles_;  ///< what the rows of the last jobs() point into
};

}  // namespace gman::engine
