// SPDX-License-Identifier: BSD-3-Clause
// The idle clients, with their open connections, of the whole database server.
//
// A trigger that enqueues is initialised and ended for every row, so a client of its own would
// connect for every row. All sessions therefore share one stock of idle clients: a call takes out
// the one that was used last, alone has it while it waits, and puts it back. Those that nobody has
// needed for a minute, and those above the setting's bound, are closed when another comes back: the
// lock is held to move pointers, never across I/O, and no thread tends the stock, since a thread
// would outlive DROP FUNCTION. A connection that its server has closed meanwhile is noticed, and
// made anew, before a request goes out on it (step_client.hpp).
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include <gman/gman.h>

#include "udf_mysql/settings.hpp"

namespace gman::udf {

struct FreeClient {
  void operator()(gman_client* client) const { gman_client_free(client); }
};

/// A client remembers its last call. An idle one shall not hold megabytes for that: with a longer
/// result it is closed; after a longer workload, say close_after_use().
inline constexpr std::size_t remembered_bytes_max = 1 << 20;

/// A client that is ours alone until the end of the scope, and then idle again.
class Lease {
 public:
  /// An idle client for these servers, or a new one. Throws SqlError.
  Lease(const std::string& servers, const Settings& settings);
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  [[nodiscard]] gman_client* get() const { return client_.get(); }

  /// Ends the client with the scope instead.
  void close_after_use() { is_reusable_ = false; }

 private:
  std::string profile_;
  std::size_t idle_max_;
  bool is_reusable_ = true;
  std::unique_ptr<gman_client, FreeClient> client_;
};

/// How many are idle now.
[[nodiscard]] std::size_t idle_clients();

}  // namespace gman::udf
