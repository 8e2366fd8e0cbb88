// SPDX-License-Identifier: BSD-3-Clause
#include "server/engine/queue/function_table.hpp"

#include "base/assert.hpp"

namespace gman::engine {

FunctionId FunctionTable::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nil : found->second;
}

FunctionId FunctionTable::find_or_create(std::string_view name) {
  const FunctionId known = find(name);
  if (known != nil) return known;

  auto function = std::make_unique<Function>();
  function->name = name;
  function->durability = durability_of(name);
  function->queue_max.fill(queue_max_default_);
  const auto remembered = queue_max_by_name_.find(function->name);
  if (remembered != queue_max_by_name_.end()) function->queue_max = remembered->second;

  if (free_.empty()) {
    free_.push_back(static_cast<FunctionId>(functions_.size()));
    functions_.emplace_back();
    ready_.push_back(0);
  }
  const FunctionId id = free_.back();
  free_.pop_back();
  by_name_.emplace(function->name, id);
  functions_[id] = std::move(function);
  return id;
}

void FunctionTable::drop(FunctionId id) {
  const Function& function = *functions_[id];
  GMAN_ASSERT(function.waiting() == 0 && function.running == 0);
  GMAN_ASSERT(function.workers == 0 && function.woken == 0 && function.sleepers.empty());
  by_name_.erase(function.name);
  functions_[id].reset();
  free_.push_back(id);
}

void FunctionTable::set_queue_max(std::string_view name, const QueueMax& queue_max) {
  queue_max_by_name_.insert_or_assign(std::string(name), queue_max);
  const FunctionId known = find(name);
  if (known != nil) functions_[known]->queue_max = queue_max;
}

void FunctionTable::set_queue_max_default(std::uint32_t queue_max) {
  queue_max_default_ = queue_max;
  for (const auto& function : functions_) {
    if (function == nullptr || queue_max_by_name_.contains(function->name)) continue;
    function->queue_max.fill(queue_max);
  }
}

void FunctionTable::set_durability(bool has_store,
                                   const std::set<std::string, std::less<>>& memory_functions) {
  has_store_ = has_store;
  memory_functions_ = memory_functions;
  for (const auto& function : functions_) {
    if (function != nullptr) function->durability = durability_of(function->name);
  }
}

void FunctionTable::enqueue(JobSlot slot) {
  const Job& job = jobs_[slot];
  Function& function = *functions_[job.function];
  Function::Queue& queue = function.queues[index_of(job.priority)];
  queue.jobs.push_back(jobs_, slot);
  ++function.queued;
  if (job.has_workload()) {
    ++queue.present;
    if ((ready_[job.function] & ready_bit(job.priority)) != 0) ++function.available;
  }
  switch (job.workload_at) {
    case WorkloadAt::memory: break;
    case WorkloadAt::both:
    case WorkloadAt::coming:
      ++queue.ahead;
      queue.ahead_bytes += job.workload_bytes;
      break;
    case WorkloadAt::store: queue.away.push_back(jobs_, slot); break;
  }
  if (queue.size++ == 0) set_ready(job.function, job.priority, job.has_workload());
}

void FunctionTable::dequeue(JobSlot slot) {
  const Job& job = jobs_[slot];
  Function& function = *functions_[job.function];
  Function::Queue& queue = function.queues[index_of(job.priority)];
  const bool was_first = queue.jobs.first() == slot;
  queue.jobs.erase(jobs_, slot);
  --function.queued;
  --queue.size;
  if (job.has_workload()) {
    --queue.present;
    if ((ready_[job.function] & ready_bit(job.priority)) != 0) --function.available;
  }
  switch (job.workload_at) {
    case WorkloadAt::memory: break;
    case WorkloadAt::both:
    case WorkloadAt::coming:
      --queue.ahead;
      queue.ahead_bytes -= job.workload_bytes;
      break;
    case WorkloadAt::store: queue.away.erase(jobs_, slot); break;
  }
  if (!was_first) return;
  const JobSlot next = queue.jobs.first();
  set_ready(job.function, job.priority, next != nil && jobs_[next].has_workload());
}

void FunctionTable::expect(JobSlot slot) {
  Job& job = jobs_[slot];
  GMAN_ASSERT(job.workload_at == WorkloadAt::store);
  Function::Queue& queue = functions_[job.function]->queues[index_of(job.priority)];
  queue.away.erase(jobs_, slot);
  job.workload_at = WorkloadAt::coming;
  ++queue.ahead;
  queue.ahead_bytes += job.workload_bytes;
}

void FunctionTable::arrived(JobSlot slot) {
  const Job& job = jobs_[slot];
  Function& function = *functions_[job.function];
  Function::Queue& queue = function.queues[index_of(job.priority)];
  ++queue.present;
  if ((ready_[job.function] & ready_bit(job.priority)) != 0) ++function.available;
  if (queue.jobs.first() == slot) set_ready(job.function, job.priority, true);
}

void FunctionTable::set_ready(FunctionId id, Priority priority, bool is_ready) {
  const std::uint8_t bit = ready_bit(priority);
  if (((ready_[id] & bit) != 0) == is_ready) return;
  ready_[id] ^= bit;
  Function& function = *functions_[id];
  const std::uint32_t present = function.queues[index_of(priority)].present;
  if (is_ready) {
    ++ready_queues_;
    function.available += present;
  } else {
    --ready_queues_;
    function.available -= present;
  }
}

}  // namespace gman::engine
