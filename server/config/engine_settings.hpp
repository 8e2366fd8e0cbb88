// SPDX-License-Identifier: BSD-3-Clause
// What the configuration says to the engine.
#pragma once

#include "server/config.hpp"
#include "server/engine/engine.hpp"

namespace gman::config {

/// All that may change live; the rest of `settings` stays.
inline void set(EngineSettings& settings, const ServerConfig& config) {
  settings.attempts_max = config.attempts_max;
  settings.timeout_action = config.timeout_action;
  settings.exceptions_for_all = config.exceptions_for_all;
  settings.jobs_max = config.jobs_max;
  settings.function_queue_max = config.queue_max;
  settings.memory_bytes_max = config.memory_bytes_max;
  settings.workload_memory_bytes_max = config.workload_memory_bytes_max;
  settings.unique_window = config.unique_window;
  settings.unique_window_max = config.unique_window_max;
  settings.memory_functions = {config.memory_functions.begin(), config.memory_functions.end()};
}

}  // namespace gman::config
