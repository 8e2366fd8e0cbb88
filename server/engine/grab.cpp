// SPDX-License-Identifier: BSD-3-Clause
// What a worker can do, and which job it gets: the highest priority among all its functions first,
// then function by function in turn, then in the order of arrival.
#include <bit>

#include "base/assert.hpp"
#include "server/engine/core.hpp"

namespace gman::engine {

void Core::on(Connection& worker, const CanDo& request, Turn turn) {
  FunctionId function = functions_.find(request.function);
  const bool is_new_function = function == nil;
  if (!is_new_function) {
    const auto known = worker.position_of.find(function);
    if (known != worker.position_of.end()) {
      abilities_[worker.registrations[known->second].ability].timeout_ms = request.timeout_ms;
      return;
    }
  }
  // CAN_DO has no answer, so there is none to refuse it by either.
  if (worker.registrations.size() >= settings_.functions_per_worker_max ||
      (is_new_function && functions_.size() >= settings_.functions_max)) {
    return turn.effects.close(worker.id, CloseReason::engine_limit);
  }
  if (is_new_function) function = functions_.find_or_create(request.function);

  const std::uint32_t ability = abilities_.create(Ability{
      .worker = static_cast<ConnSlot>(worker.id.value),
      .function = function,
      .timeout_ms = request.timeout_ms,
  });
  worker.position_of.emplace(function, static_cast<std::uint32_t>(worker.registrations.size()));
  worker.registrations.push_back({function, ability});
  worker.absent.push_back(abilities_, ability);
  ++functions_[function].workers;
  for (const Priority priority : {Priority::high, Priority::normal, Priority::low}) {
    look_ahead(function, priority, turn);
  }
  if (worker.is_asleep()) {
    place_ability(ability, Ability::Place::sleepers);
    wake_for(function, turn);
  }
}

// A worker that gives up a function keeps the job of it that it runs: it said that it takes no
// more, not that it drops what it has.
void Core::on(Connection& worker, const CantDo& request, Turn turn) {
  const FunctionId function = functions_.find(request.function);
  if (function == nil || !worker.position_of.contains(function)) return;
  const auto* woken = std::get_if<Woken>(&worker.sleep);
  const bool was_woken_for_it = woken != nullptr && woken->function == function;
  forget_ability(worker, function);
  if (was_woken_for_it) settle_wake(worker, turn);
}

void Core::on(Connection& worker, const ResetAbilities&, Turn turn) {
  while (!worker.registrations.empty()) {
    forget_ability(worker, worker.registrations.back().function);
  }
  // A worker that is asleep sleeps on: what it learns next can wake it.
  if (std::holds_alternative<Woken>(worker.sleep)) settle_wake(worker, turn);
}

// gearmand answers this with an ERROR that no worker waits for. It asks for nothing, so it needs no
// answer.
void Core::on(Connection&, const AllYours&, Turn) {}

void Core::on(Connection& worker, const GrabJob& request, Turn turn) {
  const auto chosen = assigns() ? choose_registration(worker) : std::nullopt;
  if (!chosen) {
    settle_wake(worker, turn);
    return turn.effects.send(worker.id, NoJob{});
  }
  const auto [function, ability] = worker.registrations[*chosen];
  worker.turn = *chosen + 1;

  const auto& queues = functions_[function].queues;
  const JobSlot slot = queues[std::countr_zero(functions_.ready(function))].jobs.first();
  start(slot, worker, abilities_[ability].timeout_ms, turn);
  const Job& job = jobs_[slot];
  // As gearmand: the full form only for a job that has a reducer.
  const bool is_unique_form =
      request.form == GrabForm::unique || (request.form == GrabForm::all && job.reducer_bytes == 0);
  turn.effects.send(worker.id, JobAssign{
                                   .form = is_unique_form ? GrabForm::unique : request.form,
                                   .handle = handle_of(slot),
                                   .function = functions_[function].name,
                                   .unique = job.unique(),
                                   .reducer = job.reducer(),
                                   .workload = job.workload(),
                               });
  settle_wake(worker, turn);
}

void Core::forget_ability(Connection& worker, FunctionId function) {
  const std::uint32_t position = worker.position_of.at(function);
  const std::uint32_t ability = worker.registrations[position].ability;
  switch (abilities_[ability].place) {
    case Ability::Place::absent: worker.absent.erase(abilities_, ability); break;
    case Ability::Place::sleepers: functions_[function].sleepers.erase(abilities_, ability); break;
  }
  abilities_.destroy(ability);
  --functions_[function].workers;

  worker.position_of.erase(function);
  const Connection::Registration last = worker.registrations.back();
  worker.registrations.pop_back();
  if (last.function != function) {
    worker.registrations[position] = last;
    worker.position_of[last.function] = position;
  }
}

// The place in `registrations` of the function to serve now.
std::optional<std::uint32_t> Core::choose_registration(const Connection& worker) const {
  if (functions_.ready_queues() == 0) return std::nullopt;
  const auto count = static_cast<std::uint32_t>(worker.registrations.size());
  std::optional<std::uint32_t> best;
  std::uint8_t best_bit = 0;
  for (std::uint32_t step = 0; step < count; ++step) {
    std::uint32_t position = worker.turn + step;
    if (position >= count) position %= count;
    const std::uint8_t ready = functions_.ready(worker.registrations[position].function);
    if (ready == 0) continue;
    const auto bit = static_cast<std::uint8_t>(ready & -ready);
    if (best && bit >= best_bit) continue;
    best = position;
    best_bit = bit;
    if (bit == FunctionTable::ready_bit(Priority::high)) break;
  }
  return best;
}

// Queued -> Running. The only place where a job gets a worker.
void Core::start(JobSlot slot, Connection& worker, std::uint32_t timeout_ms, Turn turn) {
  functions_.dequeue(slot);
  --queued_;
  Job& job = jobs_[slot];
  const Instant time_up = turn.now.steady + milliseconds(timeout_ms);
  job.state = Running{
      .worker = static_cast<ConnSlot>(worker.id.value),
      .timer = timeout_ms == 0
                   ? nil
                   : timers_.arm(turn.now.steady, time_up, {TimerTarget::Kind::job, slot}),
  };
  worker.running.push_back(jobs_, slot);
  ++functions_[job.function].running;
  ++running_;
  look_ahead(job.function, job.priority, turn);
}

}  // namespace gman::engine
