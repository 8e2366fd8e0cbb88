// SPDX-License-Identifier: BSD-3-Clause
// A job comes.
//
// A submit whose key (function and unique) names a living job joins it: the first arrival's
// workload, priority and time stay. A background submit that joins makes the job outlive its
// clients; clients that leave a background job do not end it.
#include <algorithm>
#include <cstring>

#include "base/assert.hpp"
#include "protocol/errors.hpp"
#include "server/engine/core.hpp"
#include "server/engine/schedule.hpp"

namespace gman::engine {
namespace {

using std::chrono::floor;
using std::chrono::seconds;

std::int64_t wall_seconds(Now now) {
  return floor<seconds>(now.wall.time_since_epoch()).count();
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

  std::optional<std::int64_t> due_seconds = request.run_at_epoch_seconds;
  if (request.schedule) {
    const auto match = next_match(*request.schedule, turn.now.wall);
    if (!match) return refuse(error_text::invalid_argument_code, error_text::schedule_never);
    due_seconds = floor<seconds>(match->time_since_epoch()).count();
  }

  FunctionId function = functions_.find(request.function);
  if (function == nil) {
    if (functions_.size() >= settings_.functions_max) {
      return refuse(error_text::queue_error_code, error_text::too_many_functions);
    }
    function = functions_.find_or_create(request.function);
  }

  const auto key = uniques_.key_of(function, request.unique, request.workload);
  if (key) {
    const JobSlot known = uniques_.find(*key);
    if (known != nil) return join(client, request, known, turn);
  }

  const std::string_view limit = limit_reached(request, function, key.has_value());
  if (!limit.empty()) return refuse(error_text::queue_error_code, limit);

  const JobSlot slot = create_job(request, function, key);
  if (request.mode == JobMode::foreground) add_client(slot, client);
  turn.effects.send(client.id, JobCreated{handle_of(slot)});
  if (due_seconds && *due_seconds > wall_seconds(turn.now)) {
    ++functions_[function].scheduled;
    schedule(slot, *due_seconds, turn);
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
  switch (request.mode) {
    case JobMode::background: job.lifetime = Lifetime::server; break;
    case JobMode::foreground:
      if (job.client_count >= settings_.clients_per_job_max) {
        return turn.effects.send(
            client.id, ErrorRes{error_text::queue_error_code, error_text::too_many_clients});
      }
      add_client(slot, client);
      break;
  }
  turn.effects.send(client.id, JobCreated{handle_of(slot)});
}

JobSlot Core::create_job(const SubmitJob& request, FunctionId function,
                         const std::optional<UniqueKey>& key) {
  const std::size_t text_bytes =
      request.unique.size() + request.reducer.size() + request.workload.size();
  char* text = texts_.allocate(text_bytes);
  copy_to(copy_to(copy_to(text, request.unique), request.reducer), request.workload);
  const bool is_background = request.mode == JobMode::background;
  const JobSlot slot = jobs_.create(Job{
      .text = text,
      .unique_hash = key ? key->hash : 0,
      .workload_bytes = static_cast<std::uint32_t>(request.workload.size()),
      .reducer_bytes = static_cast<std::uint16_t>(request.reducer.size()),
      .unique_bytes = static_cast<std::uint8_t>(request.unique.size()),
      .priority = request.priority,
      .function = function,
      .lifetime = is_background ? Lifetime::server : Lifetime::clients,
      .state = Queued{},
  });
  if (key) uniques_.insert(*key, slot);
  return slot;
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
void Core::schedule(JobSlot slot, std::int64_t due_seconds, Turn turn) {
  constexpr std::int64_t look_again_seconds = 60;
  const std::int64_t look_at = std::min(due_seconds, wall_seconds(turn.now) + look_again_seconds);
  const auto until_then = WallTime(seconds(look_at)) - turn.now.wall;
  const Instant wake_at =
      turn.now.steady + std::chrono::duration_cast<Instant::duration>(until_then);
  jobs_[slot].state = Scheduled{
      .due_seconds = due_seconds,
      .timer = timers_.arm(turn.now.steady, wake_at, {TimerTarget::Kind::job, slot}),
  };
}

// The timer of a scheduled job has come, which is no longer armed.
void Core::due(JobSlot slot, Turn turn) {
  Job& job = jobs_[slot];
  const std::int64_t due_seconds = std::get<Scheduled>(job.state).due_seconds;
  if (due_seconds > wall_seconds(turn.now)) return schedule(slot, due_seconds, turn);
  --functions_[job.function].scheduled;
  enqueue(slot, turn);
}

void Core::enqueue(JobSlot slot, Turn turn) {
  Job& job = jobs_[slot];
  job.state = Queued{};
  functions_.enqueue(slot);
  ++queued_;
  wake_for(job.function, turn);
}

}  // namespace gman::engine
