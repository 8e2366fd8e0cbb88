// SPDX-License-Identifier: BSD-3-Clause
// A server that exports nothing of use.
#include "tests/mysql/host/host.hpp"

namespace host {
const unsigned kill_code = 0;
const bool knows_sessions = false;
const bool hears_of_waits = false;
const bool can_raise = false;
}  // namespace host
