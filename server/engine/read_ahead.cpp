// SPDX-License-Identifier: BSD-3-Clause
// Workloads beyond the budget: left in the store, and read ahead of need.
//
// What may be left there is the workload of a job that the store has and that waits. Names, uniques
// and records stay, so everything but the run itself goes on without it. A queue keeps its head in
// memory and leaves what comes behind in the store; once one of its jobs is away, those that come
// behind are as well, so the order of a queue is: ready or coming, then away. As its head is run it
// asks for what comes next. A queue whose first job waits for its workload is not ready: a worker
// gets a job of another queue, or sleeps and is woken when the workload has come, so the order
// within a queue is kept.
//
// Only queues that have workers ask: while half of the budget is free, for all that they can get;
// then for what will do for a while; and where the budget is used up, for next to nothing.
#include "server/engine/read_ahead.hpp"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "server/engine/core.hpp"

namespace gman::engine {

bool can_stay_away(std::string_view unique, std::size_t workload_bytes) {
  return workload_bytes > 0 && !UniqueIndex::is_workload(unique);
}

// memory -> both.
void Core::may_leave(JobSlot slot) {
  Job& job = jobs_[slot];
  GMAN_ASSERT(job.is_stored && job.workload_at == WorkloadAt::memory);
  if (!can_stay_away(job.unique(), job.workload_bytes)) return;
  job.workload_at = WorkloadAt::both;
  both_bytes_ += job.workload_bytes;
}

// Before it is scheduled.
void Core::leave_until_due(JobSlot slot) {
  if (jobs_[slot].workload_at != WorkloadAt::both) return;
  if (!has_room(share_of_those_behind(settings_.workload_memory_bytes_max))) leave_workload(slot);
}

// Before it is queued.
void Core::leave_if_far_behind(JobSlot slot) {
  const Job& job = jobs_[slot];
  if (job.workload_at != WorkloadAt::both) return;
  const Function::Queue& queue = functions_[job.function].queues[index_of(job.priority)];
  const std::uint64_t budget = settings_.workload_memory_bytes_max;
  const std::uint64_t bytes_max = is_far_ahead(queue) ? share_of_those_behind(budget) : budget;
  if (!queue.away.empty() || !has_room(bytes_max)) leave_workload(slot);
}

// both -> store.
void Core::leave_workload(JobSlot slot) {
  Job& job = jobs_[slot];
  const std::size_t bytes_before = job.text_bytes();
  char* const before = job.text;
  both_bytes_ -= job.workload_bytes;
  away_bytes_ += job.workload_bytes;
  ++away_jobs_;
  job.workload_at = WorkloadAt::store;
  job.text = texts_.allocate(job.text_bytes());
  if (job.text_bytes() > 0) std::memcpy(job.text, before, job.text_bytes());
  texts_.free(before, bytes_before);
}

// coming -> both.
void Core::bring_workload(JobSlot slot, std::string_view workload) {
  Job& job = jobs_[slot];
  GMAN_ASSERT(workload.size() == job.workload_bytes);
  const std::size_t bytes_before = job.text_bytes();
  char* const before = job.text;
  forget_workload(slot);
  job.workload_at = WorkloadAt::both;
  both_bytes_ += job.workload_bytes;
  job.text = texts_.allocate(job.text_bytes());
  if (bytes_before > 0) std::memcpy(job.text, before, bytes_before);
  std::memcpy(job.text + bytes_before, workload.data(), workload.size());
  texts_.free(before, bytes_before);
}

// Out of all that is counted, before the job is forgotten or its workload is elsewhere.
void Core::forget_workload(JobSlot slot) {
  const Job& job = jobs_[slot];
  switch (job.workload_at) {
    case WorkloadAt::memory: return;
    case WorkloadAt::both: both_bytes_ -= job.workload_bytes; return;
    case WorkloadAt::coming:
      coming_.erase(job.number);
      coming_bytes_ -= job.workload_bytes;
      break;
    case WorkloadAt::store: break;
  }
  away_bytes_ -= job.workload_bytes;
  --away_jobs_;
}

bool Core::is_far_ahead(const Function::Queue& queue) const {
  return queue.ahead >= ahead_jobs_max ||
         queue.ahead_bytes >= ahead_bytes_of(settings_.workload_memory_bytes_max);
}

// Once it asks, it asks for a good deal more than makes it ask: a store reads many at a lower cost.
bool Core::is_hungry(const Function& function, const Function::Queue& queue) const {
  if (queue.away.empty() || function.workers == 0) return false;
  const std::uint64_t budget = settings_.workload_memory_bytes_max;
  if (queue.ahead == 0 || queue.ahead_bytes < ahead_bytes_min_of(budget)) return true;
  const std::uint64_t enough = ahead_bytes_of(budget) / (queue.is_reading ? 1 : 2);
  const bool has_enough = queue.ahead >= ahead_jobs_max || queue.ahead_bytes >= enough;
  const std::uint64_t share = share_of_those_read(budget);
  return has_room(!has_enough ? budget : share - (queue.is_reading ? 0 : share / 8));
}

void Core::look_ahead(FunctionId id, Priority priority, Turn turn) {
  Function& function = functions_[id];
  Function::Queue& queue = function.queues[index_of(priority)];
  if (!queue.is_hungry && is_hungry(function, queue)) {
    queue.is_hungry = true;
    hungry_.push_back({id, priority});
  }
  ask(turn);
}

void Core::ask(Turn turn) {
  while (!hungry_.empty()) {
    if (coming_.size() >= coming_jobs_max || coming_bytes_ >= coming_bytes_max) return;
    const auto [id, priority] = hungry_.front();
    hungry_.pop_front();
    if (!functions_.has(id)) continue;
    Function& function = functions_[id];
    Function::Queue& queue = function.queues[index_of(priority)];
    queue.is_hungry = false;
    queue.is_reading = is_hungry(function, queue);
    for (std::size_t asked = 0; asked < asked_in_turn_max && is_hungry(function, queue); ++asked) {
      if (coming_.size() >= coming_jobs_max || coming_bytes_ >= coming_bytes_max) break;
      const JobSlot slot = queue.away.first();
      functions_.expect(slot);
      const Job& job = jobs_[slot];
      coming_.emplace(job.number, slot);
      coming_bytes_ += job.workload_bytes;
      turn.effects.want(job.number);
    }
    queue.is_reading = is_hungry(function, queue);
    if (!queue.is_reading) continue;
    queue.is_hungry = true;
    hungry_.push_back({id, priority});
  }
}

void Core::fetched(JobNumber number, std::string_view workload, Now now, Effects& effects) {
  const Turn turn{now, effects};
  const auto found = coming_.find(number);
  if (found == coming_.end()) return;
  const JobSlot slot = found->second;
  bring_workload(slot, workload);
  functions_.arrived(slot);
  wake_for(jobs_[slot].function, turn);
  ask(turn);
}

// They are looked for one by one only where the store was written anew, which copies all of them.
std::vector<JobNumber> Core::lost(std::span<const JobNumber> numbers, Now now, Effects& effects) {
  const Turn turn{now, effects};
  std::vector<JobSlot> slots;
  std::vector<JobNumber> others;
  for (const JobNumber number : numbers) {
    const auto found = coming_.find(number);
    if (found != coming_.end()) {
      slots.push_back(found->second);
    } else {
      others.push_back(number);
    }
  }
  if (!others.empty()) {
    std::ranges::sort(others);
    jobs_.for_each([&](JobSlot slot, const Job& job) {
      const bool is_lost =
          job.workload_at == WorkloadAt::store && std::ranges::binary_search(others, job.number);
      if (is_lost) slots.push_back(slot);
    });
  }
  std::vector<JobNumber> forgotten;
  for (const JobSlot slot : slots) {
    forgotten.push_back(jobs_[slot].number);
    jobs_[slot].is_stored = false;
    end_failed(slot, turn);
  }
  ask(turn);
  return forgotten;
}

}  // namespace gman::engine
