// SPDX-License-Identifier: BSD-3-Clause
// What operators ask and order by the admin protocol.
#include <utility>

#include "server/engine/core.hpp"

namespace gman::engine {

std::vector<FunctionStatus> Core::status() const {
  std::vector<FunctionStatus> rows;
  functions_.for_each([&](FunctionId, const Function& function) {
    rows.push_back({
        .function = function.name,
        .total = std::uint64_t{function.waiting()} + function.running,
        .running = function.running,
        .workers = function.workers,
    });
  });
  return rows;
}

std::vector<FunctionPriorityStatus> Core::priority_status() const {
  std::vector<FunctionPriorityStatus> rows;
  functions_.for_each([&](FunctionId, const Function& function) {
    FunctionPriorityStatus row{.function = function.name, .workers = function.workers};
    for (std::size_t i = 0; i < priority_count; ++i) {
      row.queued[i] = function.queues[i].size + function.scheduled[i] + function.storing[i];
    }
    rows.push_back(row);
  });
  return rows;
}

std::vector<JobStatusRow> Core::jobs() const {
  std::vector<JobStatusRow> rows;
  rows.reserve(jobs_.size());
  listed_handles_.clear();
  listed_handles_.reserve(jobs_.size() * handle_bytes_max);  // so that no view moves
  jobs_.for_each([&](JobSlot slot, const Job& job) {
    const auto handle = handle_of(slot);
    const std::size_t start = listed_handles_.size();
    listed_handles_ += std::string_view(handle);
    const bool is_heard = job.lifetime == Lifetime::server ||
                          (job.lifetime == Lifetime::clients && job.client_count > 0);
    rows.push_back({
        .handle = std::string_view(listed_handles_).substr(start),
        .retries = job.attempts_lost,
        .ignored = !is_heard,
    });
  });
  return rows;
}

std::vector<std::string_view> Core::uniques() const {
  std::vector<std::string_view> rows;
  jobs_.for_each([&](JobSlot, const Job& job) {
    if (job.unique_bytes > 0) rows.push_back(job.unique());
  });
  return rows;
}

std::string_view Core::client_id(ConnId conn) const {
  return connection(conn).client_id;
}

std::vector<std::string_view> Core::functions_of(ConnId conn) const {
  std::vector<std::string_view> names;
  for (const auto& registration : connection(conn).registrations) {
    names.push_back(functions_[registration.function].name);
  }
  return names;
}

void Core::create_function(std::string_view function) {
  if (functions_.find(function) == nil && functions_.size() < settings_.functions_max) {
    static_cast<void>(functions_.find_or_create(function));
  }
}

// A function in use stays: its jobs and workers would be left with a name that means nothing.
Engine::DropResult Core::drop_function(std::string_view function) {
  const FunctionId id = functions_.find(function);
  if (id == nil) return Engine::DropResult::not_found;
  const Function& found = functions_[id];
  const bool is_used = found.waiting() > 0 || found.running > 0 || found.workers > 0;
  if (is_used) return Engine::DropResult::in_use;
  functions_.drop(id);
  return Engine::DropResult::dropped;
}

void Core::set_queue_max(std::string_view function, const QueueMax& jobs_max) {
  functions_.set_queue_max(function, jobs_max);
}

bool Core::cancel_job(std::string_view handle, Now now, Effects& effects) {
  const Turn turn{now, effects};
  const JobSlot slot = find_job(handle);
  if (slot == nil) return false;
  Job& job = jobs_[slot];
  if (!job.is_running()) {
    fail(slot, turn);
    return true;
  }
  // Its worker goes on, since the protocol has no word to stop it, but nobody will hear of it. The
  // unique is free again: who submits it now wants a job that was not cancelled. Not so a relay
  // that sends a background job again: it has not heard that it was delivered.
  tell_clients(job, WorkFail{handle_of(slot)}, turn);
  remember_failed(job, turn);
  release_clients(job);
  job.lifetime = Lifetime::this_run;
  if (std::exchange(job.is_stored, false)) effects.changes().remove(job.number);
  release_key(slot);
  return true;
}

}  // namespace gman::engine
