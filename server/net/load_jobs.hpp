// SPDX-License-Identifier: BSD-3-Clause
// load_jobs: the jobs of earlier starts, from the store into the engine, before anybody connects.
#pragma once

#include <cstdint>
#include <optional>

#include "base/log.hpp"
#include "server/engine/engine.hpp"
#include "server/net/service_manager.hpp"
#include "server/store/store.hpp"

namespace gman {

/// Says in the log and to the service manager how far it is. nullopt: every job is there, or was
/// set aside with a line in the log.
/// Of jobs that were queued again, no more than so many bytes of workloads are in memory; 0: all.
[[nodiscard]] std::optional<StoreFault> load_jobs(Store& store, Engine& engine,
                                                  std::uint64_t workload_memory_bytes_max, Log& log,
                                                  const ServiceManager& manager);

}  // namespace gman
