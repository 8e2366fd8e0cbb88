// SPDX-License-Identifier: BSD-3-Clause
// Who sleeps, and who is woken for what.
//
// The law: a function never has more queued jobs than workers woken for it while somebody who can
// do it sleeps. So each new job wakes one sleeper and not all, and whatever leaves the balance
// short (a woken worker that took another function's job, went away, or did not grab within
// wake_patience) wakes the next.
#include "server/engine/core.hpp"

namespace gman::engine {

void Core::on(Connection& worker, const PreSleep&, Turn turn) {
  settle_wake(worker, turn);
  worker.sleep = Asleep{};
  while (!worker.absent.empty()) {
    place_ability(worker.absent.first(), Ability::Place::sleepers);
  }
  if (!assigns() || functions_.ready_queues() == 0) return;
  // A job for which another worker was woken already is not a reason to stay awake.
  for (const auto& registration : worker.registrations) {
    if (functions_.ready(registration.function) == 0) continue;
    if (functions_[registration.function].wants_worker()) {
      return wake(worker, registration.function, turn);
    }
  }
}

void Core::wake_for(FunctionId function, Turn turn) {
  if (!assigns()) return;
  Function& wanting = functions_[function];
  while (wanting.wants_worker() && !wanting.sleepers.empty()) {
    const std::uint32_t ability = wanting.sleepers.first();
    Connection& worker = *connections_[abilities_[ability].worker];
    place_ability(ability, Ability::Place::absent);
    if (worker.is_asleep()) wake(worker, function, turn);
  }
}

void Core::wake(Connection& worker, FunctionId function, Turn turn) {
  const Instant patience_ends = turn.now.steady + settings_.wake_patience;
  const TimerTarget target{TimerTarget::Kind::connection, static_cast<ConnSlot>(worker.id.value)};
  worker.sleep =
      Woken{.function = function, .timer = timers_.arm(turn.now.steady, patience_ends, target)};
  ++functions_[function].woken;
  turn.effects.send(worker.id, Noop{});
}

// Any state -> Awake: what the worker was woken for is settled, one way or the other.
void Core::settle_wake(Connection& worker, Turn turn) {
  const auto* woken = std::get_if<Woken>(&worker.sleep);
  if (woken == nullptr) {
    worker.sleep = Awake{};
    return;
  }
  timers_.disarm(woken->timer);
  patience_over(worker, turn);
}

// The timer is no longer armed.
void Core::patience_over(Connection& worker, Turn turn) {
  const FunctionId function = std::get<Woken>(worker.sleep).function;
  worker.sleep = Awake{};
  --functions_[function].woken;
  wake_for(function, turn);
}

void Core::place_ability(std::uint32_t slot, Ability::Place place) {
  Ability& ability = abilities_[slot];
  if (ability.place == place) return;
  AbilityList& sleepers = functions_[ability.function].sleepers;
  AbilityList& absent = connections_[ability.worker]->absent;
  const bool falls_asleep = place == Ability::Place::sleepers;
  (falls_asleep ? absent : sleepers).erase(abilities_, slot);
  (falls_asleep ? sleepers : absent).push_back(abilities_, slot);
  ability.place = place;
}

}  // namespace gman::engine
