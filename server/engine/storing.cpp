// SPDX-License-Identifier: BSD-3-Clause
// What outlives the process: background jobs of functions that are not for memory only.
//
// A new one is Storing until the store says that it has it. Whoever submits what the store has, or
// is being given, hears of it no earlier than that. A job that joins the store later (a background
// submit joined a foreground job) goes on meanwhile as what it is.
#include <utility>

#include "base/assert.hpp"
#include "protocol/errors.hpp"
#include "server/engine/core.hpp"

namespace gman::engine {
namespace {

std::optional<std::int64_t> due_of(const Job& job) {
  if (const auto* wait = std::get_if<Scheduled>(&job.state)) return wait->due_ms;
  const auto* storing = std::get_if<Storing>(&job.state);
  if (storing == nullptr || storing->due_ms == Storing::at_once) return std::nullopt;
  return storing->due_ms;
}

}  // namespace

void Core::add_to_store(JobSlot slot, Turn turn) {
  jobs_[slot].is_stored = true;
  turn.effects.changes().add(record_of(slot));
}

JobRecord Core::record_of(JobSlot slot) const {
  const Job& job = jobs_[slot];
  return {
      .number = job.number,
      .position = job.position,
      .handle_number = is_restored(job) ? earlier_handles_.handle_number_of(slot)
                                        : JobHandles::number_of({slot, jobs_.generation_of(slot)}),
      .due_ms = due_of(job),
      .attempts_lost = job.attempts_lost,
      .priority = job.priority,
      .away_bytes = job.has_workload() ? 0 : job.workload_bytes,
      .function = functions_[job.function].name,
      .unique = job.unique(),
      .reducer = job.reducer(),
      .workload = job.workload(),
  };
}

std::optional<std::uint32_t> Core::copy_stored(std::uint32_t from, std::size_t count,
                                               JobChanges& into) const {
  return jobs_.for_some(from, count, [&](JobSlot slot, const Job& job) {
    if (job.is_stored) into.add(record_of(slot));
  });
}

// No state -> Storing.
void Core::store_first(JobSlot slot, std::optional<std::int64_t> due_ms, Turn turn) {
  Job& job = jobs_[slot];
  job.state = Storing{
      .due_ms = due_ms.value_or(Storing::at_once),
      .batch = static_cast<std::uint32_t>(turn.effects.batch()),
  };
  add_to_store(slot, turn);
  storing_jobs_.push_back(jobs_, slot);
  ++functions_[job.function].storing[index_of(job.priority)];
  ++storing_;
}

// A client that waits for the job's end must not be refused because of a later batch: it would hear
// of the end of a job that it was never told of.
std::uint64_t Core::batch_of(const Job& job, Turn turn) {
  const std::uint64_t forming = turn.effects.batch();
  if (const auto* wait = std::get_if<Storing>(&job.state)) {
    return forming - (static_cast<std::uint32_t>(forming) - wait->batch);
  }
  return turn.effects.is_batch_empty() ? forming - 1 : forming;
}

void Core::stored(std::uint64_t batch, Now now, Effects& effects) {
  const Turn turn{now, effects};
  while (!storing_jobs_.empty()) {
    const JobSlot slot = storing_jobs_.first();
    const auto& wait = std::get<Storing>(jobs_[slot].state);
    // The numbers may have wrapped.
    if (static_cast<std::int32_t>(static_cast<std::uint32_t>(batch) - wait.batch) < 0) return;
    const auto due_ms = wait.due_ms == Storing::at_once ? std::nullopt : std::optional(wait.due_ms);
    leave_state(slot);
    may_leave(slot);
    place(slot, due_ms, turn);
  }
}

// The store may get them all the same, from changes that are under way; hence they are removed. Who
// waits for one has not been told of it yet.
void Core::give_up_storing(Now now, Effects& effects) {
  const Turn turn{now, effects};
  while (!storing_jobs_.empty()) forget(storing_jobs_.first(), turn);
}

// A job that runs goes on, since the protocol has no word to stop it.
std::optional<std::uint32_t> Core::disown_stored(std::uint32_t from, std::size_t count, Now now,
                                                 Effects& effects) {
  GMAN_ASSERT(storing_ == 0);
  const Turn turn{now, effects};
  std::vector<JobSlot> stored;
  const auto next = jobs_.for_some(from, count, [&](JobSlot slot, const Job& job) {
    if (job.is_stored) stored.push_back(slot);
  });
  disowning_ = next.has_value();
  for (const JobSlot slot : stored) {
    Job& job = jobs_[slot];
    job.is_stored = false;
    if (!job.is_running()) {
      end_failed(slot, turn);
      continue;
    }
    forget_workload(slot);  // as one that may be left in the store
    job.workload_at = WorkloadAt::memory;
    if (job.client_count > 0) {
      job.lifetime = Lifetime::clients;
    } else {
      job.lifetime = Lifetime::this_run;
      release_key(slot);
    }
  }
  if (!disowning_) {
    functions_.for_each([&](FunctionId function, const Function&) { wake_for(function, turn); });
  }
  return next;
}

// Its keys may come twice: the later job took it from one that was running.
void Core::restore(const JobRecord& record, Now now) {
  Effects nobody_hears;
  const SubmitJob as_submitted{
      .function = record.function,
      .unique = record.unique,
      .workload = record.workload,
      .reducer = record.reducer,
      .priority = record.priority,
      .mode = JobMode::background,
  };
  const FunctionId function = functions_.find_or_create(record.function);
  const auto key = uniques_.key_of(function, record.unique, record.workload);
  if (key) {
    const JobSlot known = uniques_.find(*key);
    if (known != nil) release_key(known);
  }
  const JobSlot slot = create_job(as_submitted, function, key);
  Job& job = jobs_[slot];
  job.number = record.number;
  job.position = record.position;
  job.attempts_lost = record.attempts_lost;
  job.is_stored = true;
  if (record.away_bytes == 0) {
    may_leave(slot);
  } else {
    job.workload_bytes = record.away_bytes;
    job.workload_at = WorkloadAt::store;
    away_bytes_ += job.workload_bytes;
    ++away_jobs_;
  }
  earlier_handles_.add(slot, static_cast<std::uint32_t>(record.number >> job_number_start_shift),
                       record.handle_number);
  place(slot, record.due_ms, Turn{now, nobody_hears});
  GMAN_ASSERT(nobody_hears.empty());
}

}  // namespace gman::engine
