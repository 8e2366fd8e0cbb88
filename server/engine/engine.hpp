// SPDX-License-Identifier: BSD-3-Clause
// The engine: every job, queue and worker that the server knows, and every rule about them.
//
// A plain single-writer state machine. It does no I/O, reads no clock, starts no thread, logs
// nothing and calls nobody back: callers pass requests and the time in and take effects out. A
// connection may be client, worker and admin at once.
//
// Every cost is O(1) in the backlog. A job is in exactly one state (job.hpp); check() states the
// laws that hold between any two calls.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "protocol/admin.hpp"
#include "protocol/request.hpp"
#include "server/engine/effects.hpp"

namespace gman {

/// What becomes of a job whose time, which its worker set by CAN_DO_TIMEOUT, is up.
enum class TimeoutAction : std::uint8_t { requeue, fail };

class PagesAhead;

struct EngineSettings {
  /// Handles are "<prefix>:<number>". The shell puts the host and the time of its start into it, so
  /// that a handle is never used again after a restart. At most 40 bytes.
  std::string handle_prefix = "H:gman";
  /// Attempts a job gets before it fails, when its workers go away under it. 0: no limit.
  std::uint32_t attempts_max = 0;
  TimeoutAction timeout_action = TimeoutAction::requeue;
  /// Pass WORK_EXCEPTION to every client, whether it asked by OPTION_REQ or not.
  bool exceptions_for_all = false;
  /// A woken worker that has not grabbed within this time has another one woken in its place.
  milliseconds wake_patience{50};
  std::size_t functions_per_worker_max = 100'000;
  std::size_t clients_per_job_max = 100'000;
  /// Functions that are remembered; a submit or CAN_DO of one more is refused.
  std::size_t functions_max = 1'000'000;
  /// Jobs of one function that may wait; 0: no limit. `maxqueue` overrides it by function.
  std::uint32_t function_queue_max = 0;
  /// Jobs of all functions that may wait; 0: no limit.
  std::uint64_t jobs_max = 0;
  /// What memory_bytes() may come to; 0: no limit.
  std::uint64_t memory_bytes_max = 0;
  /// Bytes of workloads that the store has as well and that stay in memory all the same; 0: no
  /// limit. Beyond it, what waits far behind is left in the store and read ahead of need.
  std::uint64_t workload_memory_bytes_max = 0;
  /// How long, and how many, uniques of a relay are recognised after their jobs have ended; 0: not.
  milliseconds unique_window{600'000};
  std::size_t unique_window_max = 1'000'000;
  /// Background jobs are stored, unless their function is one of `memory_functions`.
  bool has_store = false;
  std::set<std::string, std::less<>> memory_functions{};
  /// Jobs are counted from here.
  JobNumber first_job_number = 1;
  /// Has the memory of a backlog that grows ready before it is needed; nullptr: nobody does.
  /// Outlives the engine.
  PagesAhead* pages_ahead = nullptr;
  /// A random number, so that no stranger can choose uniques whose hashes collide.
  std::uint64_t hash_seed = 0;
};

/// What is in the store alone.
struct WorkloadsAway {
  std::size_t jobs = 0;
  std::uint64_t bytes = 0;
  std::uint64_t bytes_here = 0;  ///< of workloads that could be
};

class Engine {
 public:
  explicit Engine(EngineSettings settings);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Requires: `conn` is not connected yet / is connected / is connected.
  void connected(ConnId conn);
  void handle(ConnId conn, const Request& request, Now now, Effects& effects);
  void disconnected(ConnId conn, Now now, Effects& effects);

  /// Does what is due. Call it when next_deadline() has come; calling it early does no harm.
  void tick(Now now, Effects& effects);
  [[nodiscard]] std::optional<Instant> next_deadline() const;

  /// From now on these hold; handle_prefix, has_store, first_job_number and hash_seed stay what
  /// they were. What is there already stays, also above a limit that is lower now.
  void change(EngineSettings settings);

  /// From now on no job is assigned and nobody is woken: GRAB_JOB* is answered NO_JOB.
  void stop_assigning();

  /// Handles of an earlier start begin with that; jobs of it that are restored keep them.
  void know_start(std::uint32_t number, std::string handle_prefix);
  /// A job of an earlier start of the server. Jobs come in the order of their positions, before any
  /// connection. The workload may be left out where it can_stay_away().
  void restore(const JobRecord& record, Now now);
  [[nodiscard]] static bool can_stay_away(const JobRecord& record);
  /// Adds the records of all that is stored, or being stored, among the next `count` places from
  /// `from` (0 is the first): where to go on, or nullopt at the end. Before the end, what changes
  /// meanwhile must be given to the store behind it.
  [[nodiscard]] std::optional<std::uint32_t> copy_stored(std::uint32_t from, std::size_t count,
                                                         JobChanges& into) const;
  /// Everything up to this batch is durable: its jobs are there for workers.
  void stored(std::uint64_t batch, Now now, Effects& effects);
  /// The workload of a job that Effects::wanted() named; a job that is gone meanwhile is ignored.
  void fetched(JobNumber number, std::string_view workload, Now now, Effects& effects);
  /// The store has lost the workloads of these: whoever waits for one is told that it has failed,
  /// and it is forgotten without a word to the store. Those that were not gone before.
  std::vector<JobNumber> lost(std::span<const JobNumber> numbers, Now now, Effects& effects);
  [[nodiscard]] WorkloadsAway away() const;
  /// Whoever waits for the store is told that it fails: the jobs that it does not have yet are
  /// forgotten.
  void give_up_storing(Now now, Effects& effects);
  /// Another server has what was stored. Of the next `count` places from `from` (0 is the first),
  /// what waits of it is forgotten, and who waits for that gets WORK_FAIL; what runs is a job of
  /// its clients from now on, or of nobody. Where to go on, or nullopt at the end, before which no
  /// job is assigned.
  // Requires: no job is being stored. What has changed until now is not to be stored any more.
  [[nodiscard]] std::optional<std::uint32_t> disown_stored(std::uint32_t from, std::size_t count,
                                                           Now now, Effects& effects);
  /// While it is not empty, what would have to be stored is refused with it.
  void set_store_fault(std::string text);

  [[nodiscard]] std::size_t running_jobs() const;
  [[nodiscard]] std::size_t queued_jobs() const;
  /// Those that wait for their time.
  [[nodiscard]] std::size_t scheduled_jobs() const;
  /// Those that the store does not have yet.
  [[nodiscard]] std::size_t storing_jobs() const;
  /// Of jobs: their records, names and workloads.
  [[nodiscard]] std::uint64_t memory_bytes() const;

  // What the admin protocol asks. Views live until the next call that is not const.
  [[nodiscard]] std::vector<FunctionStatus> status() const;
  [[nodiscard]] std::vector<FunctionPriorityStatus> priority_status() const;
  [[nodiscard]] std::vector<JobStatusRow> jobs() const;
  [[nodiscard]] std::vector<std::string_view> uniques() const;
  [[nodiscard]] std::string_view client_id(ConnId conn) const;
  [[nodiscard]] std::vector<std::string_view> functions_of(ConnId conn) const;

  void create_function(std::string_view function);
  enum class DropResult : std::uint8_t { dropped, not_found, in_use };
  DropResult drop_function(std::string_view function);
  /// Limits by priority (high, normal, low); 0: no limit. Remembered for functions not yet seen.
  void set_queue_max(std::string_view function, std::array<std::uint32_t, priority_count> jobs_max);
  /// A queued job is removed, a running one goes on unheard; its clients get WORK_FAIL. False: no
  /// such job.
  bool cancel_job(std::string_view handle, Now now, Effects& effects);

  /// Aborts when a law is broken. Tests call it after every event.
  void check() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gman
