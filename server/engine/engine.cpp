// SPDX-License-Identifier: BSD-3-Clause
// The engine's face, and what connections and time do to it. The rules are in the files that
// core.hpp lists.
#include "server/engine/engine.hpp"

#include "base/assert.hpp"
#include "server/engine/core.hpp"
#include "server/engine/read_ahead.hpp"

namespace gman {
namespace engine {
namespace {

ConnSlot slot_of(ConnId conn) {
  return static_cast<ConnSlot>(conn.value);
}

}  // namespace

Core::Core(EngineSettings settings)
    : settings_(std::move(settings)),
      handles_(settings_.handle_prefix),
      functions_(jobs_, settings_.function_queue_max),
      uniques_(regions_, jobs_, settings_.hash_seed),
      next_number_(settings_.first_job_number) {
  functions_.set_durability(settings_.has_store, settings_.memory_functions);
  remembered_.limit(settings_.unique_window_max, settings_.unique_window);
}

void Core::change(EngineSettings settings) {
  settings.handle_prefix = settings_.handle_prefix;
  settings.has_store = settings_.has_store;
  settings.first_job_number = settings_.first_job_number;
  settings.hash_seed = settings_.hash_seed;
  settings_ = std::move(settings);
  functions_.set_queue_max_default(settings_.function_queue_max);
  functions_.set_durability(settings_.has_store, settings_.memory_functions);
  remembered_.limit(settings_.unique_window_max, settings_.unique_window);
}

void Core::connected(ConnId conn) {
  const ConnSlot slot = slot_of(conn);
  if (slot >= connections_.size()) connections_.resize(std::size_t{slot} + 1);
  GMAN_ASSERT(connections_[slot] == nullptr);
  connections_[slot] = std::make_unique<Connection>(Connection{.id = conn});
}

Connection& Core::connection(ConnId id) const {
  const ConnSlot slot = slot_of(id);
  GMAN_ASSERT(slot < connections_.size() && connections_[slot] != nullptr);
  GMAN_ASSERT(connections_[slot]->id == id);
  return *connections_[slot];
}

void Core::handle(ConnId conn, const Request& request, Now now, Effects& effects) {
  Connection& peer = connection(conn);
  std::visit([&](const auto& r) { on(peer, r, Turn{now, effects}); }, request);
}

// A peer that was both client and worker of a job leaves it as a client first, so that a job which
// nobody else waits for is not queued again.
void Core::disconnected(ConnId conn, Now now, Effects& effects) {
  const Turn turn{now, effects};
  Connection& peer = connection(conn);
  while (!peer.waits.empty()) leave(peer.waits.first(), turn);
  on(peer, ResetAbilities{}, turn);
  while (!peer.running.empty()) lose_worker(peer.running.first(), turn);
  connections_[slot_of(conn)].reset();
}

void Core::tick(Now now, Effects& effects) {
  const Turn turn{now, effects};
  while (const auto target = timers_.pop_due(now.steady)) {
    switch (target->kind) {
      case TimerTarget::Kind::connection: patience_over(*connections_[target->slot], turn); break;
      case TimerTarget::Kind::job:
        if (jobs_[target->slot].is_running()) {
          time_over(target->slot, turn);
        } else {
          due(target->slot, turn);
        }
        break;
    }
  }
}

JobSlot Core::find_job(std::string_view handle) const {
  const auto ref = handles_.parse(handle);
  if (ref) {
    const Job* job = jobs_.find(ref->slot, ref->generation);
    return job != nullptr && !is_restored(*job) ? ref->slot : nil;
  }
  const auto slot = earlier_handles_.find(handle);
  if (!slot) return nil;
  // The slot may be another job's by now.
  const Job* job = jobs_.find(*slot);
  return job != nullptr && is_restored(*job) ? *slot : nil;
}

}  // namespace engine

struct Engine::Impl : engine::Core {
  using Core::Core;
};

Engine::Engine(EngineSettings settings) : impl_(std::make_unique<Impl>(std::move(settings))) {}
Engine::~Engine() = default;

void Engine::connected(ConnId conn) {
  impl_->connected(conn);
}
void Engine::handle(ConnId conn, const Request& request, Now now, Effects& effects) {
  impl_->handle(conn, request, now, effects);
}
void Engine::disconnected(ConnId conn, Now now, Effects& effects) {
  impl_->disconnected(conn, now, effects);
}
void Engine::tick(Now now, Effects& effects) {
  impl_->tick(now, effects);
}
std::optional<Instant> Engine::next_deadline() const {
  return impl_->next_deadline();
}
void Engine::change(EngineSettings settings) {
  impl_->change(std::move(settings));
}
void Engine::stop_assigning() {
  impl_->stop_assigning();
}
void Engine::know_start(std::uint32_t number, std::string handle_prefix) {
  impl_->know_start(number, std::move(handle_prefix));
}
void Engine::restore(const JobRecord& record, Now now) {
  impl_->restore(record, now);
}
std::optional<std::uint32_t> Engine::copy_stored(std::uint32_t from, std::size_t count,
                                                 JobChanges& into) const {
  return impl_->copy_stored(from, count, into);
}
void Engine::stored(std::uint64_t batch, Now now, Effects& effects) {
  impl_->stored(batch, now, effects);
}
bool Engine::can_stay_away(const JobRecord& record) {
  return engine::can_stay_away(record.unique, record.workload.size());
}
void Engine::fetched(JobNumber number, std::string_view workload, Now now, Effects& effects) {
  impl_->fetched(number, workload, now, effects);
}
std::vector<JobNumber> Engine::lost(std::span<const JobNumber> numbers, Now now, Effects& effects) {
  return impl_->lost(numbers, now, effects);
}
WorkloadsAway Engine::away() const {
  return impl_->away();
}
void Engine::give_up_storing(Now now, Effects& effects) {
  impl_->give_up_storing(now, effects);
}
std::optional<std::uint32_t> Engine::disown_stored(std::uint32_t from, std::size_t count, Now now,
                                                   Effects& effects) {
  return impl_->disown_stored(from, count, now, effects);
}
void Engine::set_store_fault(std::string text) {
  impl_->set_store_fault(std::move(text));
}
std::size_t Engine::running_jobs() const {
  return impl_->running_jobs();
}
std::size_t Engine::queued_jobs() const {
  return impl_->queued_jobs();
}
std::size_t Engine::scheduled_jobs() const {
  return impl_->scheduled_jobs();
}
std::size_t Engine::storing_jobs() const {
  return impl_->storing_jobs();
}
std::uint64_t Engine::memory_bytes() const {
  return impl_->memory_bytes();
}
std::vector<FunctionStatus> Engine::status() const {
  return impl_->status();
}
std::vector<FunctionPriorityStatus> Engine::priority_status() const {
  return impl_->priority_status();
}
std::vector<JobStatusRow> Engine::jobs() const {
  return impl_->jobs();
}
std::vector<std::string_view> Engine::uniques() const {
  return impl_->uniques();
}
std::string_view Engine::client_id(ConnId conn) const {
  return impl_->client_id(conn);
}
std::vector<std::string_view> Engine::functions_of(ConnId conn) const {
  return impl_->functions_of(conn);
}
void Engine::create_function(std::string_view function) {
  impl_->create_function(function);
}
Engine::DropResult Engine::drop_function(std::string_view function) {
  return impl_->drop_function(function);
}
void Engine::set_queue_max(std::string_view function,
                           std::array<std::uint32_t, priority_count> jobs_max) {
  impl_->set_queue_max(function, jobs_max);
}
bool Engine::cancel_job(std::string_view handle, Now now, Effects& effects) {
  return impl_->cancel_job(handle, now, effects);
}
void Engine::check() const {
  impl_->check();
}

}  // namespace gman
