// SPDX-License-Identifier: BSD-3-Clause
// CPU time of processes of this machine, to the nanosecond where the kernel tells it.
#pragma once

#include <optional>

namespace gman::cli::load {

/// User and system time of all threads that the process has now; nullopt when there is no such
/// process, or it may not be looked at.
[[nodiscard]] std::optional<double> cpu_seconds_of(int pid);

/// Of this process.
[[nodiscard]] double own_cpu_seconds();

}  // namespace gman::cli::load
