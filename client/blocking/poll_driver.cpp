// SPDX-License-Identifier: BSD-3-Clause
#include "client/blocking/poll_driver.hpp"

#include <poll.h>

#include <algorithm>

namespace gman {
namespace {

bool is_interrupted(gman_client* client, const Interrupt& interrupted) {
  try {
    return interrupted && interrupted();
  } catch (...) {
    gman_cancel_call(client);
    throw;
  }
}

}  // namespace

gman_status drive(gman_client* client, gman_status started, const Interrupt& interrupted,
                  milliseconds slice) {
  gman_status status = started;
  while (status == GMAN_AGAIN) {
    if (is_interrupted(client, interrupted)) {
      gman_cancel_call(client);
      return GMAN_CANCELLED;
    }
    int timeout_ms = gman_timeout_ms(client);
    const int slice_ms = static_cast<int>(slice.count());
    if (interrupted) timeout_ms = timeout_ms < 0 ? slice_ms : std::min(timeout_ms, slice_ms);
    pollfd waiting{.fd = gman_fd(client), .events = POLLIN, .revents = 0};
    // However the wait ends, by an event, by time or by a signal, a step finds out what is due.
    ::poll(&waiting, 1, timeout_ms);
    status = gman_step(client);
  }
  return status;
}

}  // namespace gman
