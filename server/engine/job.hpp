// SPDX-License-Identifier: BSD-3-Clause
// Job: one piece of work, from its submission until it is finished.
//
//   submitted --EPOCH, SCHED--> Scheduled --due--> Queued --grabbed--> Running --> finished (gone)
//     |   |                        ^               ^   ^                  |
//     |   +---------------------------------------->   +-- worker lost ---+  (to the queue's tail,
//     |                            |               |       or time is up      or failed when its
//     +--> Storing --durable-------+---------------+                          attempts are used up)
//
// A job that is to outlive the process is Storing until its store has it: no worker sees it before.
// A job is in exactly one state, and each state carries what has a meaning only there. A finished
// job has no record. Records are small, because there may be many millions: names are numbers,
// and the bytes (unique, reducer, workload) lie together in one block of the BlockStore. Where
// there is a store, the workload of a job that waits may be there alone: read_ahead.cpp.
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>

#include "protocol/request.hpp"
#include "server/engine/job_record.hpp"
#include "server/engine/memory/linked_list.hpp"

namespace gman::engine {

using JobSlot = std::uint32_t;
using FunctionId = std::uint32_t;
using ConnSlot = std::uint32_t;  ///< the low half of a ConnId

struct Storing {
  static constexpr std::int64_t at_once = -1;
  std::int64_t due_ms;  ///< since 1970; at_once: it is to be queued
  std::uint32_t batch;  ///< low half of the number of the changes that it is in
  Links in_storing{};
};
struct Scheduled {
  std::int64_t due_ms;  ///< since 1970, on the wall clock
  std::uint32_t timer;
};
struct Queued {
  Links in_queue{};
  Links in_away{};  ///< while its workload is in the store alone, and not asked for
};
struct Running {
  ConnSlot worker;
  std::uint32_t timer;  ///< nil: no time limit
  std::uint32_t numerator = 0, denominator = 0;
  Links in_worker{};
};
using JobState = std::variant<Scheduled, Queued, Running, Storing>;

/// What keeps a job alive.
enum class Lifetime : std::uint8_t {
  clients,   ///< foreground: while somebody waits, it is worth starting
  server,    ///< background: it is run whoever leaves
  this_run,  ///< cancelled while running: it ends with its run, whose result nobody hears
};

/// Where a job's workload is.
enum class WorkloadAt : std::uint8_t {
  memory,  ///< in memory until the job ends: the store may not have it, or it makes the job's key
  both,    ///< in memory and in the store
  store,   ///< in the store alone
  coming,  ///< in the store alone, which has been asked for it
};

/// One wait of one client for one job: a client that submitted the same unique twice waits twice.
struct ClientWait {
  JobSlot job;
  ConnSlot client;
  Links in_job{};
  Links in_client{};

  static Links& links_in_job(ClientWait& wait) { return wait.in_job; }
  static Links& links_in_client(ClientWait& wait) { return wait.in_client; }
};
using JobClients = LinkedList<ClientWait, &ClientWait::links_in_job>;
using ClientWaits = LinkedList<ClientWait, &ClientWait::links_in_client>;

struct Job {
  JobNumber number;
  std::uint64_t position;  ///< in the order of all that is queued
  char* text;              ///< unique, then reducer, then workload if it is in memory
  std::uint64_t unique_hash;
  std::uint32_t workload_bytes;
  std::uint16_t reducer_bytes;
  std::uint8_t unique_bytes;
  Priority priority;
  FunctionId function;
  std::uint32_t attempts_lost = 0;
  JobClients clients{};
  std::uint32_t client_count = 0;
  Lifetime lifetime;
  bool has_key = false;    ///< it is the one that submits with its key may join
  bool is_stored = false;  ///< the store has it, or is being given it
  WorkloadAt workload_at = WorkloadAt::memory;
  JobState state;

  [[nodiscard]] std::string_view unique() const { return {text, unique_bytes}; }
  [[nodiscard]] std::string_view reducer() const { return {text + unique_bytes, reducer_bytes}; }
  /// Empty while it is in the store alone.
  [[nodiscard]] std::string_view workload() const {
    return {text + unique_bytes + reducer_bytes, has_workload() ? workload_bytes : 0};
  }
  [[nodiscard]] std::size_t text_bytes() const {
    return std::size_t{unique_bytes} + reducer_bytes + (has_workload() ? workload_bytes : 0);
  }
  [[nodiscard]] bool has_workload() const {
    return workload_at == WorkloadAt::memory || workload_at == WorkloadAt::both;
  }
  [[nodiscard]] bool is_running() const { return std::holds_alternative<Running>(state); }
  [[nodiscard]] bool is_storing() const { return std::holds_alternative<Storing>(state); }

  static Links& links_in_storing(Job& job) { return std::get<Storing>(job.state).in_storing; }
  static Links& links_in_queue(Job& job) { return std::get<Queued>(job.state).in_queue; }
  static Links& links_in_away(Job& job) { return std::get<Queued>(job.state).in_away; }
  static Links& links_in_worker(Job& job) { return std::get<Running>(job.state).in_worker; }
};
using StoringJobs = LinkedList<Job, &Job::links_in_storing>;
using JobQueue = LinkedList<Job, &Job::links_in_queue>;
using AwayJobs = LinkedList<Job, &Job::links_in_away>;
using RunningJobs = LinkedList<Job, &Job::links_in_worker>;

}  // namespace gman::engine
