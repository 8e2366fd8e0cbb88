// SPDX-License-Identifier: BSD-3-Clause
// A job comes.
//
// A submit whose key (function and unique) names a living job joins it: the first arrival's
// workload, priority and time stay. A background submit that joins makes the job outlive its
// clients; clients that leave a background job do not end it. The unique mode belongs to the
// submit: "until start" takes the key of a running job away and makes a job of its own.
#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "base/assert.hpp"
#include "protocol/errors.hpp"
#include "server/engine/core.hpp"
#include "server/engine/schedule.hpp"

namespace gman::engine {
namespace {

std::int64_t ms_since_1970(WallTime time) {
  return std::chrono::floor<milliseconds>(time.time_since_epoch()).count();
}

// The far future for what is further away than milliseconds can say.
std::int64_t ms_of_seconds(std::int64_t seconds) {
  constexpr std::int64_t seconds_max = std::numeric_limits<std::int64_t>::max() / 1000;
  return std::clamp(seconds, -seconds_max, seconds_max) * 1000;
}

// Who submits "until start" says that the world has changed, and a running job may have read it as
// it was before.
bool may_join(const Job& job, UniqueMode mode) {
  switch (mode) {
    case UniqueMode::alive: return true;
    case UniqueMode::until_start: return !job.is_running();
  }
  return true;
}

char* copy_to(char* at, std::string_view bytes) {
  if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
  return at + bytes.size();
}

}  // namespace

void Core::on(Connection& client, const SubmitJob& request, Turn turn) {
  const auto refuse = [&](std::string_view code, std::string_view text) {
    turn.effects.send(client.id, ErrorRes{code, text});
  };

  std::optional<std::int64_t> due_ms = request.run_at_epoch_ms;
  if (request.run_at_epoch_seconds) due_ms = ms_of_seconds(*request.run_at_epoch_seconds);
  if (request.schedule) {
    const auto match = next_match(*request.schedule, turn.now.wall);
    if (!match) return refuse(error_text::invalid_argument_code, error_text::schedule_never);
    due_ms = ms_since_1970(*match);
  }

  FunctionId function = functions_.find(request.function);
  if (function == nil) {
    if (functions_.size() >= settings_.functions_max) {
      return refuse(error_text::queue_error_code, error_text::too_many_functions);
    }
    function = functions_.find_or_create(request.function);
  }

  const auto key = uniques_.key_of(function, request.unique, request.workload);
  const JobSlot known = key ? uniques_.find(*key) : nil;
  if (known != nil && may_join(jobs_[known], request.unique_mode)) {
    return join(client, request, known, turn);
  }

  const bool is_resent = known == nil && client.has_unique_window &&
                         request.unique_mode == UniqueMode::alive &&
                         remembered_.knows(request.unique, turn.now.steady);
  if (is_resent) return answer_ended(client, request, turn);

  const std::string_view limit = limit_reached(request, function, key.has_value());
  if (!limit.empty()) return refuse(error_text::queue_error_code, limit);
  const bool is_stored = is_durable(function, request.mode);
  if (is_stored && !store_fault_.empty()) return refuse(error_text::store_error_code, store_fault_);

  if (known != nil) release_key(known);  // to the job that will see what has changed
  const JobSlot slot = create_job(request, function, key);
  if (request.mode == JobMode::foreground) add_client(slot, client);
  if (is_stored) {
    turn.effects.send_when_stored(client.id, JobCreated{handle_of(slot)}, turn.effects.batch());
    store_first(slot, due_ms, turn);
  } else {
    turn.effects.send(client.id, JobCreated{handle_of(slot)});
    place(slot, due_ms, turn);
  }
}

// A relay sends a job again, whose first answer it did not get and which has ended meanwhile. Its
// handle names no job; its result is not kept, and a relay wants none.
void Core::answer_ended(const Connection& client, const SubmitJob& request, Turn turn) {
  const JobHandles::Text handle = handles_.format(0);
  turn.effects.send(client.id, JobCreated{handle});
  if (request.mode == JobMode::foreground) {
    turn.effects.send(client.id, gman::WorkComplete{handle, {}});
  }
}

void Core::place(JobSlot slot, std::optional<std::int64_t> due_ms, Turn turn) {
  if (due_ms && *due_ms > ms_since_1970(turn.now.wall)) {
    ++functions_[jobs_[slot].function].scheduled[index_of(jobs_[slot].priority)];
    leave_until_due(slot);
    schedule(slot, *due_ms, turn);
  } else {
    enqueue(slot, turn);
  }
}

std::string_view Core::limit_reached(const SubmitJob& request, FunctionId function,
                                     bool is_keyed) const {
  const std::uint32_t queue_max = functions_[function].queue_max[index_of(request.priority)];
  if (queue_max != 0 && functions_[function].waiting() >= queue_max) {
    return error_text::queue_full;
  }
  if (settings_.jobs_max != 0 && jobs_.size() - running_ >= settings_.jobs_max) {
    return error_text::too_many_jobs;
  }
  if (settings_.memory_bytes_max != 0) {
    const std::size_t text_bytes =
        request.unique.size() + request.reducer.size() + request.workload.size();
    const std::uint64_t needed =
        BlockStore::block_bytes(text_bytes) + sizeof(Job) + (is_keyed ? unique_bytes : 0);
    if (memory_bytes() + needed > settings_.memory_bytes_max) return error_text::memory_full;
  }
  return {};
}

void Core::join(Connection& client, const SubmitJob& request, JobSlot slot, Turn turn) {
  Job& job = jobs_[slot];
  const bool is_promise = is_durable(job.function, request.mode);
  switch (request.mode) {
    case JobMode::background:
      // Also where the store has the job: who joins it is answered behind the batch that is under
      // way, and that may take as long as the store fails.
      if (is_promise && !store_fault_.empty()) {
        return turn.effects.send(client.id, ErrorRes{error_text::store_error_code, store_fault_});
      }
      // While what another server has is being forgotten, this may be a part of it.
      if (is_promise && (!job.is_stored || disowning_)) add_to_store(slot, turn);
      job.lifetime = Lifetime::server;
      break;
    case JobMode::foreground:
      if (job.client_count >= settings_.clients_per_job_max) {
        return turn.effects.send(
            client.id, ErrorRes{error_text::queue_error_code, error_text::too_many_clients});
      }
      add_client(slot, client);
      break;
  }
  if (is_promise || job.is_storing()) {
    turn.effects.send_when_stored(client.id, JobCreated{handle_of(slot)}, batch_of(job, turn));
  } else {
    turn.effects.send(client.id, JobCreated{handle_of(slot)});
  }
}

JobSlot Core::create_job(const SubmitJob& request, FunctionId function,
                         const std::optional<UniqueKey>& key) {
  const std::size_t text_bytes =
      request.unique.size() + request.reducer.size() + request.workload.size();
  char* text = texts_.allocate(text_bytes);
  copy_to(copy_to(copy_to(text, request.unique), request.reducer), request.workload);
  const bool is_background = request.mode == JobMode::background;
  const JobSlot slot = jobs_.create(Job{
      .number = next_number_,
      .position = next_number_,
      .text = text,
      .unique_hash = key ? key->hash : 0,
      .workload_bytes = static_cast<std::uint32_t>(request.workload.size()),
      .reducer_bytes = static_cast<std::uint16_t>(request.reducer.size()),
      .unique_bytes = static_cast<std::uint8_t>(request.unique.size()),
      .priority = request.priority,
      .function = function,
      .lifetime = is_background ? Lifetime::server : Lifetime::clients,
      .has_key = key.has_value(),
      .state = Queued{},
  });
  ++next_number_;
  if (key) uniques_.insert(*key, slot);
  return slot;
}

// A job whose key went to a newer one, and which is to be run again, can be joined again if that
// newer one has ended.
void Core::take_key_back(JobSlot slot) {
  Job& job = jobs_[slot];
  if (job.has_key) return;
  const auto key = uniques_.key_of(job.function, job.unique(), job.workload());
  if (!key || uniques_.find(*key) != nil) return;
  uniques_.insert(*key, slot);
  job.has_key = true;
}

void Core::release_key(JobSlot slot) {
  if (!std::exchange(jobs_[slot].has_key, false)) return;
  uniques_.erase(slot);
}

void Core::add_client(JobSlot slot, Connection& client) {
  Job& job = jobs_[slot];
  const std::uint32_t wait =
      waits_.create(ClientWait{.job = slot, .client = static_cast<ConnSlot>(client.id.value)});
  job.clients.push_back(waits_, wait);
  client.waits.push_back(waits_, wait);
  ++job.client_count;
}

// The wall clock may be set while a job waits for its time, so no wait is longer than a minute:
// that is how late a job can be after the clock was put forward.
void Core::schedule(JobSlot slot, std::int64_t due_ms, Turn turn) {
  constexpr std::int64_t look_again_ms = 60'000;
  const std::int64_t look_at = std::min(due_ms, ms_since_1970(turn.now.wall) + look_again_ms);
  const auto until_then = WallTime(milliseconds(look_at)) - turn.now.wall;
  const Instant wake_at =
      turn.now.steady + std::chrono::duration_cast<Instant::duration>(until_then);
  jobs_[slot].state = Scheduled{
      .due_ms = due_ms,
      .timer = timers_.arm(turn.now.steady, wake_at, {TimerTarget::Kind::job, slot}),
  };
}

// The timer of a scheduled job has come, which is no longer armed.
void Core::due(JobSlot slot, Turn turn) {
  Job& job = jobs_[slot];
  const std::int64_t due_ms = std::get<Scheduled>(job.state).due_ms;
  if (due_ms > ms_since_1970(turn.now.wall)) return schedule(slot, due_ms, turn);
  --functions_[job.function].scheduled[index_of(job.priority)];
  requeue(slot, turn);
}

// To the tail, after it was elsewhere.
void Core::requeue(JobSlot slot, Turn turn) {
  Job& job = jobs_[slot];
  job.position = next_number_++;
  if (job.is_stored) turn.effects.changes().requeue({job.number, job.position, job.attempts_lost});
  enqueue(slot, turn);
}

void Core::enqueue(JobSlot slot, Turn turn) {
  leave_if_far_behind(slot);
  Job& job = jobs_[slot];
  job.state = Queued{};
  functions_.enqueue(slot);
  ++queued_;
  wake_for(job.function, turn);
  look_ahead(job.function, job.priority, turn);
}

}  // namespace gman::engine
