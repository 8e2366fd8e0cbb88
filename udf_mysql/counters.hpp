// SPDX-License-Identifier: BSD-3-Clause
// What the functions have done since the database server started, in all sessions together. A
// server that can show it does (SHOW STATUS LIKE 'gman%' in MariaDB with the plugin).
#pragma once

#include <cstddef>
#include <cstdint>

namespace gman::udf {

enum class Counter : std::uint8_t {
  foreground_jobs,  ///< that ended well
  background_jobs,  ///< that a job server has taken
  errors,           ///< calls that failed, whatever the policy made of it
  kills,            ///< calls that were ended by KILL, a time limit or a shutdown
  silenced,         ///< jobs that were not sent since the session is a replica's
  clients_made,     ///< the pool had no idle one
  clients_reused,   ///< the pool had one
  last              ///< how many there are
};

void count(Counter counter);
[[nodiscard]] std::uint64_t counted(Counter counter);

}  // namespace gman::udf
