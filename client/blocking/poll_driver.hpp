// SPDX-License-Identifier: BSD-3-Clause
// The waiting half of gman.h for callers that may block: poll(2) in slices, with a question between
// them whether to go on. mysqld's KILL reaches a running function only by such a question.
#pragma once

#include <gman/gman.h>

#include <functional>

#include "base/time.hpp"

namespace gman {

/// True: stop now. May be empty: never.
using Interrupt = std::function<bool()>;

/// `interrupted` is asked at least so often: a quarter of the 200 ms within which a killed session
/// has to end, since its server and its client need their share of them.
inline constexpr milliseconds interrupt_slice{50};

/// Ends the call whose start returned `started`: its status, or GMAN_CANCELLED when `interrupted`
/// said so. What `interrupted` throws ends the call as well and is passed on.
gman_status drive(gman_client* client, gman_status started, const Interrupt& interrupted,
                  milliseconds slice = interrupt_slice);

}  // namespace gman
