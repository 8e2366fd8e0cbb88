// SPDX-License-Identifier: BSD-3-Clause
// Connection: one peer, which may be client and worker at once.
//
//   Awake --PRE_SLEEP--> Asleep --NOOP--> Woken --GRAB_JOB*--> Awake
//                          ^                |
//                          +-- PRE_SLEEP ---+-- wake_patience over --> Awake, and another is woken
// A peer that never sends PRE_SLEEP, such as a pure client, is Awake for ever. One NOOP answers one
// PRE_SLEEP, so there is never a second one on the way.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "server/engine/effects.hpp"
#include "server/engine/job.hpp"
#include "server/engine/job_handle.hpp"
#include "server/engine/worker/ability.hpp"

namespace gman::engine {

struct Awake {};
struct Asleep {};
struct Woken {
  FunctionId function;  ///< the one whose job it was woken for
  std::uint32_t timer;  ///< of wake_patience
};
using SleepState = std::variant<Awake, Asleep, Woken>;

/// What a client of a job that raised an exception is told.
enum class ExceptionForm : std::uint8_t { fail, exception };

struct Connection {
  ConnId id;
  std::string client_id{};
  ExceptionForm exception_form = ExceptionForm::fail;
  std::uint8_t extensions = 0;     ///< a bit for each extended packet that it asked for
  bool has_unique_window = false;  ///< it is a relay: its uniques are recognised after their end

  // As a client.
  ClientWaits waits{};

  // As a worker. The abilities stand in the order of registration, but for holes filled from the
  // end; the next grab looks from `turn` on, so that functions of one priority take turns.
  struct Registration {
    FunctionId function;
    std::uint32_t ability;
  };
  std::vector<Registration> registrations{};
  boost::unordered_flat_map<FunctionId, std::uint32_t> position_of{};  ///< in `registrations`
  std::uint32_t turn = 0;
  AbilityList absent{};
  SleepState sleep = Awake{};
  RunningJobs running{};
  std::string raised{};  ///< its last job that ended by WORK_EXCEPTION

  void allow(PacketType extension) { extensions |= bit_of(extension); }
  [[nodiscard]] bool allows(PacketType extension) const {
    return (extensions & bit_of(extension)) != 0;
  }
  // Requires: is_extended(type).
  [[nodiscard]] static std::uint8_t bit_of(PacketType type) {
    return static_cast<std::uint8_t>(
        1u << (static_cast<unsigned>(type) - static_cast<unsigned>(PacketType::submit)));
  }

  [[nodiscard]] bool is_asleep() const { return std::holds_alternative<Asleep>(sleep); }
};

}  // namespace gman::engine
