// SPDX-License-Identifier: BSD-3-Clause
// The idle clients, with their open connections, of the whole database server.
//
// A trigger that enqueues is initialised and ended for every row, so a client of its own would
// connect for every row. All sessions therefore share one stock of idle clients: a call takes one
// out, alone has it while it waits, and puts it back. The lock is held to move a pointer, never
// across I/O, and no thread tends the stock, since a thread would outlive DROP FUNCTION.
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
  bool is_reusable_ = true;
  std::unique_ptr<gman_client, FreeClient> client_;
};

}  // namespace gman::udf
