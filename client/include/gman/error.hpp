// SPDX-License-Identifier: BSD-3-Clause
// What can go wrong between a client or a worker and its job servers, as error codes.
#pragma once

#include <string>
#include <system_error>

namespace gman {

/// Enumerators mirror `gman_status` in gman.h and mean the same.
enum class client_errc {
  invalid_argument = 2,
  no_servers,
  unreachable,
  connection_lost,
  protocol_error,
  server_error,
  job_failed,
  job_exception,
  deadline,
  cancelled,
  out_of_memory,
  internal_error,
};

/// What failed, where, for how long it was tried, and what to do about it.
struct Error {
  client_errc code{};
  std::string message;
  std::string hint;
};

}  // namespace gman
