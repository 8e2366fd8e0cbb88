// SPDX-License-Identifier: BSD-3-Clause
// A thread of a program whose first thread obeys the signals.
#pragma once

#include <functional>
#include <thread>

namespace gman {

/// Runs `work` with all signals blocked, so that they come to another thread. Whoever has the
/// thread joins it. Throws std::system_error where the system has no more of them.
[[nodiscard]] std::thread start_thread(std::function<void()> work);

}  // namespace gman
