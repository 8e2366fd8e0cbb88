// SPDX-License-Identifier: BSD-3-Clause
// Ability: one function that one worker can do.
//
// An ability is in exactly one of two lists: the function's sleepers or the worker's own absent
// ones. PRE_SLEEP moves the absent to the sleepers; waking looks only at the head of a function's
// sleepers and moves what it finds there back. A worker that wakes for one function stays in the
// other functions' lists, to be skipped when it is found awake, so a worker of ten thousand
// functions costs ten thousand steps once and not at every nap: each step a waking takes was paid
// by the move that led there.
#pragma once

#include <cstdint>

#include "server/engine/memory/linked_list.hpp"

namespace gman::engine {

struct Ability {
  std::uint32_t worker;  ///< a ConnSlot
  std::uint32_t function;
  std::uint32_t timeout_ms;  ///< 0: jobs may run for ever
  enum class Place : std::uint8_t { absent, sleepers } place = Place::absent;
  Links links{};

  static Links& links_in(Ability& ability) { return ability.links; }
};
using AbilityList = LinkedList<Ability, &Ability::links_in>;

}  // namespace gman::engine
