// SPDX-License-Identifier: BSD-3-Clause
// A job's run: what its worker reports, how it loses its worker, and its end.
//
// Only the worker that has the job may report on it; anybody else, and whoever comes too late, is
// told that there is no such job.
#include "base/assert.hpp"
#include "protocol/errors.hpp"
#include "server/engine/core.hpp"

namespace gman::engine {

void Core::on(Connection& worker, const WorkStatus& request, Turn turn) {
  const JobSlot slot = running_job(worker, request.handle, error_text::job_not_found, turn);
  if (slot == nil) return;
  Running& run = std::get<Running>(jobs_[slot].state);
  run.numerator = lenient_number(request.numerator);
  run.denominator = lenient_number(request.denominator);
  tell_clients(jobs_[slot], request, turn);
}

void Core::on(Connection& worker, const WorkData& request, Turn turn) {
  const JobSlot slot = running_job(worker, request.handle, error_text::job_not_found_data, turn);
  if (slot != nil) tell_clients(jobs_[slot], request, turn);
}

void Core::on(Connection& worker, const WorkWarning& request, Turn turn) {
  const JobSlot slot = running_job(worker, request.handle, error_text::job_not_found_data, turn);
  if (slot != nil) tell_clients(jobs_[slot], request, turn);
}

void Core::on(Connection& worker, const WorkComplete& request, Turn turn) {
  const JobSlot slot = running_job(worker, request.handle, error_text::job_not_found, turn);
  if (slot == nil) return;
  tell_clients(jobs_[slot], request, turn);
  remembered_.remember(jobs_[slot].unique(), turn.now.steady);
  forget(slot, turn);
}

void Core::on(Connection& worker, const WorkFail& request, Turn turn) {
  // Perl's Gearman::Worker says WORK_FAIL after each WORK_EXCEPTION, and would die of an ERROR.
  if (!worker.raised.empty() && worker.raised == request.handle) return worker.raised.clear();
  const JobSlot slot = running_job(worker, request.handle, error_text::job_not_found, turn);
  if (slot != nil) fail(slot, turn);
}

void Core::on(Connection& worker, const WorkException& request, Turn turn) {
  const JobSlot slot =
      running_job(worker, request.handle, error_text::job_not_found_exception, turn);
  if (slot == nil) return;
  worker.raised = request.handle;
  std::optional<Effects::Encoded> exception;
  std::optional<Effects::Encoded> failure;
  jobs_[slot].clients.for_each(waits_, [&](std::uint32_t wait) {
    const Connection& client = *connections_[waits_[wait].client];
    if (settings_.exceptions_for_all || client.exception_form == ExceptionForm::exception) {
      if (!exception) exception = turn.effects.encode(request);
      turn.effects.send(client.id, *exception);
    } else {
      if (!failure) failure = turn.effects.encode(gman::WorkFail{request.handle});
      turn.effects.send(client.id, *failure);
    }
  });
  remember_failed(jobs_[slot], turn);
  forget(slot, turn);
}

JobSlot Core::running_job(const Connection& worker, std::string_view handle,
                          std::string_view refusal, Turn turn) {
  const JobSlot slot = find_job(handle);
  if (slot != nil) {
    const auto* run = std::get_if<Running>(&jobs_[slot].state);
    if (run != nullptr && connections_[run->worker].get() == &worker) return slot;
  }
  turn.effects.send(worker.id, ErrorRes{error_text::job_not_found_code, refusal});
  return nil;
}

void Core::tell_clients(const Job& job, const Response& response, Turn turn) {
  if (job.clients.empty()) return;
  const Effects::Encoded packet = turn.effects.encode(response);
  job.clients.for_each(waits_, [&](std::uint32_t wait) {
    turn.effects.send(connections_[waits_[wait].client]->id, packet);
  });
}

// The job's timer has come, which is no longer armed.
void Core::time_over(JobSlot slot, Turn turn) {
  std::get<Running>(jobs_[slot].state).timer = nil;
  switch (settings_.timeout_action) {
    case TimeoutAction::requeue: return lose_worker(slot, turn);
    case TimeoutAction::fail: return fail(slot, turn);
  }
}

// Running -> Queued, at the tail: other jobs go before one that has just cost a worker its life.
void Core::lose_worker(JobSlot slot, Turn turn) {
  Job& job = jobs_[slot];
  ++job.attempts_lost;
  const bool is_wanted = job.lifetime == Lifetime::server ||
                         (job.lifetime == Lifetime::clients && job.client_count > 0);
  if (!is_wanted) return forget(slot, turn);
  if (settings_.attempts_max != 0 && job.attempts_lost >= settings_.attempts_max) {
    return fail(slot, turn);
  }
  leave_state(slot);
  take_key_back(slot);
  requeue(slot, turn);
}

// A client no longer waits. A foreground job that nobody waits for is not worth starting.
void Core::leave(std::uint32_t wait_slot, Turn turn) {
  const ClientWait wait = waits_[wait_slot];
  Job& job = jobs_[wait.job];
  job.clients.erase(waits_, wait_slot);
  connections_[wait.client]->waits.erase(waits_, wait_slot);
  waits_.destroy(wait_slot);
  --job.client_count;
  if (job.client_count == 0 && job.lifetime == Lifetime::clients && !job.is_running()) {
    forget(wait.job, turn);
  }
}

// Who sends a foreground job again after its failure wants it to be run again; a background job was
// delivered whatever became of it.
void Core::remember_failed(const Job& job, Turn turn) {
  if (job.lifetime == Lifetime::server) remembered_.remember(job.unique(), turn.now.steady);
}

void Core::fail(JobSlot slot, Turn turn) {
  remember_failed(jobs_[slot], turn);
  end_failed(slot, turn);
}

// Without having been run: whoever sends it again wants it to be.
void Core::end_failed(JobSlot slot, Turn turn) {
  const Job& job = jobs_[slot];
  if (job.is_storing()) {
    // Who has not been told of the job yet, and never is, must not hear of its end.
    job.clients.for_each(waits_, [&](std::uint32_t wait) {
      turn.effects.send_when_stored(connections_[waits_[wait].client]->id,
                                    gman::WorkFail{handle_of(slot)}, batch_of(job, turn));
    });
  } else {
    tell_clients(job, gman::WorkFail{handle_of(slot)}, turn);
  }
  forget(slot, turn);
}

void Core::release_clients(Job& job) {
  while (!job.clients.empty()) {
    const std::uint32_t wait = job.clients.first();
    job.clients.erase(waits_, wait);
    connections_[waits_[wait].client]->waits.erase(waits_, wait);
    waits_.destroy(wait);
  }
  job.client_count = 0;
}

// Takes the job out of the place where its state put it. Requires: it gets another state, or is
// forgotten.
void Core::leave_state(JobSlot slot) {
  Job& job = jobs_[slot];
  Function& function = functions_[job.function];
  if (const auto* run = std::get_if<Running>(&job.state)) {
    if (run->timer != nil) timers_.disarm(run->timer);
    connections_[run->worker]->running.erase(jobs_, slot);
    --function.running;
    --running_;
  } else if (const auto* wait = std::get_if<Scheduled>(&job.state)) {
    timers_.disarm(wait->timer);
    --function.scheduled[index_of(job.priority)];
  } else if (job.is_storing()) {
    storing_jobs_.erase(jobs_, slot);
    --function.storing[index_of(job.priority)];
    --storing_;
  } else {
    functions_.dequeue(slot);
    --queued_;
  }
}

// Any state -> gone.
void Core::forget(JobSlot slot, Turn turn) {
  const bool was_queued = std::holds_alternative<Queued>(jobs_[slot].state);
  leave_state(slot);
  Job& job = jobs_[slot];
  const auto [function, priority] = QueueName{job.function, job.priority};
  if (job.is_stored) turn.effects.changes().remove(job.number);
  if (is_restored(job)) earlier_handles_.forget_one();
  release_clients(job);
  release_key(slot);
  forget_workload(slot);
  texts_.free(job.text, job.text_bytes());
  jobs_.destroy(slot);
  if (!was_queued) return;
  wake_for(function, turn);  // it may have been the one whose workload the others waited for
  look_ahead(function, priority, turn);
}

}  // namespace gman::engine
