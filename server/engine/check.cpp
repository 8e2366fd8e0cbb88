// SPDX-License-Identifier: BSD-3-Clause
// The laws that hold between any two calls. Everything that is counted twice is counted here a
// third time, from the records themselves.
#include <map>

#include "base/assert.hpp"
#include "server/engine/core.hpp"
#include "server/engine/read_ahead.hpp"

namespace gman::engine {

void Core::check() const {
  check_jobs();
  check_functions();
  check_connections();
}

// A job is in exactly one place, the one its state names; what nobody wants is not kept.
void Core::check_jobs() const {
  std::size_t keyed = 0;
  std::size_t texts = 0;
  std::size_t text_bytes = 0;
  std::size_t clients = 0;
  std::size_t queued = 0;
  std::size_t running = 0;
  std::size_t storing = 0;
  WorkloadSums sums;
  jobs_.for_each([&](JobSlot slot, const Job& job) {
    GMAN_ASSERT(functions_.find(functions_[job.function].name) == job.function);
    const bool is_waiting = !job.is_running();
    queued += std::holds_alternative<Queued>(job.state) ? 1 : 0;
    running += job.is_running() ? 1 : 0;
    storing += job.is_storing() ? 1 : 0;
    GMAN_ASSERT(!job.is_storing() || job.is_stored);
    GMAN_ASSERT(!job.is_stored || job.lifetime == Lifetime::server);
    GMAN_ASSERT(job.number < next_number_);
    check_workload(slot, sums);
    texts += job.text_bytes() > 0 ? 1 : 0;
    text_bytes += BlockStore::block_bytes(job.text_bytes());

    std::uint32_t heard_by = 0;
    job.clients.for_each(waits_, [&](std::uint32_t wait) {
      GMAN_ASSERT(waits_[wait].job == slot);
      ++heard_by;
    });
    GMAN_ASSERT(heard_by == job.client_count);
    clients += heard_by;
    GMAN_ASSERT(!is_waiting || job.lifetime != Lifetime::this_run);
    GMAN_ASSERT(!is_waiting || job.lifetime != Lifetime::clients || job.client_count > 0);
    GMAN_ASSERT(job.lifetime != Lifetime::this_run || job.client_count == 0);

    if (const auto* wait = std::get_if<Scheduled>(&job.state)) {
      GMAN_ASSERT((timers_.target_of(wait->timer) == TimerTarget{TimerTarget::Kind::job, slot}));
    }
    if (const auto* run = std::get_if<Running>(&job.state)) {
      GMAN_ASSERT(connections_[run->worker] != nullptr);
      GMAN_ASSERT(run->timer == nil ||
                  (timers_.target_of(run->timer) == TimerTarget{TimerTarget::Kind::job, slot}));
    }

    const auto key = uniques_.key_of(job.function, job.unique(), job.workload());
    // Of all jobs with a key at most one has it, and none that was cancelled.
    GMAN_ASSERT(!job.has_key || (key && uniques_.find(*key) == slot));
    GMAN_ASSERT(!job.has_key || job.lifetime != Lifetime::this_run);
    GMAN_ASSERT(job.has_key || !key || uniques_.find(*key) != slot);
    keyed += job.has_key ? 1 : 0;

    GMAN_ASSERT(find_job(handle_of(slot)) == slot);
  });
  GMAN_ASSERT(both_bytes_ == sums.both_bytes && coming_bytes_ == sums.coming_bytes);
  GMAN_ASSERT(away_bytes_ == sums.away_bytes && away_jobs_ == sums.away);
  GMAN_ASSERT(coming_.size() == sums.coming);
  GMAN_ASSERT(uniques_.size() == keyed);
  GMAN_ASSERT(texts_.size() == texts);
  GMAN_ASSERT(texts_.bytes() == text_bytes);
  GMAN_ASSERT(waits_.size() == clients);
  GMAN_ASSERT(queued_ == queued && running_ == running && storing_ == storing);
  std::size_t listed = 0;
  storing_jobs_.for_each(jobs_, [&](JobSlot slot) {
    GMAN_ASSERT(jobs_[slot].is_storing());
    ++listed;
  });
  GMAN_ASSERT(storing_ == listed);
}

// A workload is away only where the store has it and nothing needs it before the job's run.
void Core::check_workload(JobSlot slot, WorkloadSums& sums) const {
  const Job& job = jobs_[slot];
  if (job.workload_at == WorkloadAt::memory) return;
  GMAN_ASSERT(can_stay_away(job.unique(), job.workload_bytes));
  GMAN_ASSERT(!job.is_storing());
  if (job.workload_at == WorkloadAt::both) {
    GMAN_ASSERT(job.is_stored || job.lifetime == Lifetime::this_run);
    sums.both_bytes += job.workload_bytes;
    return;
  }
  GMAN_ASSERT(job.is_stored && !job.is_running());
  ++sums.away;
  sums.away_bytes += job.workload_bytes;
  if (job.workload_at == WorkloadAt::store) return;
  GMAN_ASSERT(std::holds_alternative<Queued>(job.state));
  GMAN_ASSERT(coming_.at(job.number) == slot);
  ++sums.coming;
  sums.coming_bytes += job.workload_bytes;
}

// What is ahead is before what is away, and a queue with nothing to run asks for more.
void Core::check_queue(const Function& function, const Function::Queue& queue) const {
  std::uint32_t present = 0;
  std::uint32_t ahead = 0;
  std::uint64_t ahead_bytes = 0;
  JobSlot next_away = queue.away.first();
  queue.jobs.for_each(jobs_, [&](JobSlot slot) {
    const Job& job = jobs_[slot];
    present += job.has_workload() ? 1 : 0;
    if (job.workload_at == WorkloadAt::both || job.workload_at == WorkloadAt::coming) {
      GMAN_ASSERT(next_away == queue.away.first());
      ++ahead;
      ahead_bytes += job.workload_bytes;
    } else if (job.workload_at == WorkloadAt::store) {
      GMAN_ASSERT(next_away == slot);
      next_away = AwayJobs::after(jobs_, slot);
    }
  });
  GMAN_ASSERT(next_away == nil);
  GMAN_ASSERT(queue.present == present && queue.ahead == ahead);
  GMAN_ASSERT(queue.ahead_bytes == ahead_bytes);
  const bool starves = ahead == 0 && !queue.away.empty() && function.workers > 0;
  GMAN_ASSERT(!starves || (queue.is_hungry && !coming_.empty()));
}

// Queues hold what their counts say; nobody who could work sleeps beside work.
void Core::check_functions() const {
  struct Counts {
    std::array<std::uint32_t, priority_count> scheduled{};
    std::uint32_t running = 0, workers = 0, woken = 0, asleep = 0;
  };
  std::map<FunctionId, Counts> counted;
  jobs_.for_each([&](JobSlot, const Job& job) {
    const bool is_scheduled = std::holds_alternative<Scheduled>(job.state);
    counted[job.function].scheduled[index_of(job.priority)] += is_scheduled ? 1 : 0;
    counted[job.function].running += job.is_running() ? 1 : 0;
  });
  for (const auto& worker : connections_) {
    if (worker == nullptr) continue;
    for (const auto& registration : worker->registrations) {
      ++counted[registration.function].workers;
      counted[registration.function].asleep += worker->is_asleep() ? 1 : 0;
    }
    if (const auto* woken = std::get_if<Woken>(&worker->sleep)) ++counted[woken->function].woken;
  }

  std::size_t ready_queues = 0;
  std::size_t queued = 0;
  functions_.for_each([&](FunctionId id, const Function& function) {
    std::uint32_t in_queues = 0;
    std::uint32_t available = 0;
    for (const Priority priority : {Priority::high, Priority::normal, Priority::low}) {
      const Function::Queue& queue = function.queues[index_of(priority)];
      std::uint32_t in_queue = 0;
      queue.jobs.for_each(jobs_, [&](JobSlot slot) {
        const Job& job = jobs_[slot];
        GMAN_ASSERT(std::holds_alternative<Queued>(job.state));
        GMAN_ASSERT(job.function == id && job.priority == priority);
        ++in_queue;
      });
      GMAN_ASSERT(in_queue == queue.size);
      in_queues += in_queue;
      const bool is_ready = (functions_.ready(id) & FunctionTable::ready_bit(priority)) != 0;
      GMAN_ASSERT(is_ready == (in_queue > 0 && jobs_[queue.jobs.first()].has_workload()));
      check_queue(function, queue);
      available += is_ready ? queue.present : 0;
      ready_queues += is_ready ? 1 : 0;
    }
    GMAN_ASSERT(function.queued == in_queues && function.available == available);
    queued += in_queues;

    const Counts& count = counted[id];
    GMAN_ASSERT(function.scheduled == count.scheduled && function.running == count.running);
    GMAN_ASSERT(function.workers == count.workers && function.woken == count.woken);
    GMAN_ASSERT(!assigns() || !function.wants_worker() || count.asleep == 0);
    function.sleepers.for_each(abilities_, [&](std::uint32_t ability) {
      GMAN_ASSERT(abilities_[ability].function == id);
      GMAN_ASSERT(abilities_[ability].place == Ability::Place::sleepers);
    });
  });
  GMAN_ASSERT(functions_.ready_queues() == ready_queues);
  GMAN_ASSERT(queued_ == queued);
}

// A connection's lists hold what is its own, and every timer belongs to somebody.
void Core::check_connections() const {
  std::size_t waits = 0;
  std::size_t running = 0;
  std::size_t abilities = 0;
  std::size_t timers = 0;
  for (ConnSlot slot = 0; slot < connections_.size(); ++slot) {
    const auto& peer = connections_[slot];
    if (peer == nullptr) continue;
    peer->waits.for_each(waits_, [&](std::uint32_t wait) {
      GMAN_ASSERT(waits_[wait].client == slot);
      ++waits;
    });
    peer->running.for_each(jobs_, [&](JobSlot job) {
      GMAN_ASSERT(std::get<Running>(jobs_[job].state).worker == slot);
      ++running;
    });

    std::size_t absent = 0;
    peer->absent.for_each(abilities_, [&](std::uint32_t ability) {
      GMAN_ASSERT(abilities_[ability].worker == slot);
      GMAN_ASSERT(abilities_[ability].place == Ability::Place::absent);
      ++absent;
    });
    GMAN_ASSERT(!peer->is_asleep() || absent == 0);
    GMAN_ASSERT(peer->position_of.size() == peer->registrations.size());
    for (std::uint32_t i = 0; i < peer->registrations.size(); ++i) {
      const auto [function, ability] = peer->registrations[i];
      GMAN_ASSERT(peer->position_of.at(function) == i);
      GMAN_ASSERT(abilities_[ability].worker == slot && abilities_[ability].function == function);
      absent -= abilities_[ability].place == Ability::Place::absent ? 1 : 0;
    }
    GMAN_ASSERT(absent == 0);
    abilities += peer->registrations.size();

    if (const auto* woken = std::get_if<Woken>(&peer->sleep)) {
      const TimerTarget self{TimerTarget::Kind::connection, slot};
      GMAN_ASSERT(timers_.target_of(woken->timer) == self);
      ++timers;
    }
  }
  jobs_.for_each([&](JobSlot, const Job& job) {
    const auto* run = std::get_if<Running>(&job.state);
    const bool has_limit = run != nullptr && run->timer != nil;
    timers += has_limit || std::holds_alternative<Scheduled>(job.state) ? 1 : 0;
  });
  GMAN_ASSERT(waits_.size() == waits && running_ == running);
  GMAN_ASSERT(abilities_.size() == abilities && timers_.size() == timers);
}

}  // namespace gman::engine
