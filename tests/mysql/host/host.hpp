// SPDX-License-Identifier: BSD-3-Clause
// A database server made of nothing but the symbols that gman_udf.so looks for: the only way to
// try, in one place, how the object treats MySQL, MariaDB, and a server that exports neither's.
//
// This program is the host: it loads the object as a server does. Which symbols it exports is
// decided by the one file of mysql_host.cpp, mariadb_host.cpp and bare_host.cpp that it links.
#pragma once

#include <string>
#include <vector>

namespace host {

struct Raised {
  unsigned code;
  std::string message;  // "" when the server takes its own for the code
  bool operator==(const Raised&) const = default;
};

/// What the functions told this server.
inline std::vector<Raised> raised;
/// What was noted at its statement, which goes on.
inline std::vector<Raised> noted;
/// Whether the session was killed by its time limit.
inline bool is_killed = false;

/// Whether the session applies another server's binary log.
inline bool is_replica = false;
/// How many waits this server was told of, and how many of them have not ended.
inline int waits = 0;
inline int open_waits = 0;

/// Whether this server tells which session is which.
extern const bool knows_sessions;
/// Whether it hears of waits, and tells a replica's sessions.
extern const bool hears_of_waits;
/// What this server reports for such a kill. 0: it cannot know.
extern const unsigned kill_code;
/// Whether an error can be raised in this server at all.
extern const bool can_raise;

}  // namespace host
