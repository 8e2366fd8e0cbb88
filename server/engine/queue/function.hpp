// SPDX-License-Identifier: BSD-3-Clause
// Function: a name that jobs are for, its three queues, and the workers that sleep until it has
// work.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "server/engine/job.hpp"
#include "server/engine/worker/ability.hpp"

namespace gman::engine {

constexpr std::size_t index_of(Priority priority) {
  return static_cast<std::size_t>(priority);
}

/// What JOB_CREATED says of a background job of the function.
enum class Durability : std::uint8_t {
  memory,  ///< it is in this process
  sync,    ///< it is on disk
};

/// Limits by priority; 0: no limit.
using QueueMax = std::array<std::uint32_t, priority_count>;

struct Function {
  struct Queue {
    JobQueue jobs;
    AwayJobs away;  ///< those whose workloads are to be asked for, in the order of `jobs`
    std::uint32_t size = 0;
    std::uint32_t present = 0;  ///< jobs whose workloads are in memory
    // Jobs whose workloads are in memory and in the store, or are coming from there. Whatever is
    // away stands behind all of them.
    std::uint32_t ahead = 0;
    std::uint64_t ahead_bytes = 0;
    bool is_reading = false;  ///< it has asked and has not got enough yet
    bool is_hungry = false;   ///< it is in the list of those that ask
  };

  std::string name;
  Durability durability = Durability::memory;
  QueueMax queue_max{};
  std::array<Queue, priority_count> queues{};
  std::uint32_t queued = 0;     ///< in the three queues
  std::uint32_t available = 0;  ///< `present` of those queues whose first job is
  std::array<std::uint32_t, priority_count> scheduled{};  ///< waiting for their time
  std::array<std::uint32_t, priority_count> storing{};    ///< the store does not have them yet
  std::uint32_t running = 0;
  std::uint32_t workers = 0;  ///< connections that can do it
  std::uint32_t woken = 0;    ///< workers woken for it that have not grabbed yet

  /// Workers to wake when a job comes, longest asleep first. It holds every sleeper that can do the
  /// function, and perhaps some who are awake again: see ability.hpp.
  AbilityList sleepers{};

  [[nodiscard]] std::uint32_t waiting() const {
    return queued + scheduled[0] + scheduled[1] + scheduled[2] + storing[0] + storing[1] +
           storing[2];
  }
  [[nodiscard]] bool wants_worker() const { return available > woken; }
};

}  // namespace gman::engine
