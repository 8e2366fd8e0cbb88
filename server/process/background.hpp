// SPDX-License-Identifier: BSD-3-Clause
// Background: the process goes on without its terminal, and whoever started it learns how that
// went.
//
// Whoever runs `gmand --daemon` gets exit status 0 once clients can connect, or the mistake and its
// status, as without --daemon.
#pragma once

#include "server/net/unique_fd.hpp"

namespace gman {

class Background {
 public:
  /// Returns in the child only. Throws StartError.
  Background();

  /// Lets the parent go, and closes the terminal.
  void ready();

 private:
  UniqueFd parent_;
};

}  // namespace gman
