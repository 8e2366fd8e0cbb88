// SPDX-License-Identifier: BSD-3-Clause
// The sockets that the service manager has opened for us: sd_listen_fds(3), socket activation.
#pragma once

#include <vector>

#include "server/net/unique_fd.hpp"

namespace gman {

/// Those that LISTEN_FDS counts, from descriptor 3 on, when LISTEN_PID is this process; the
/// variables are taken from the environment. Throws StartError.
[[nodiscard]] std::vector<UniqueFd> take_passed_sockets();

}  // namespace gman
