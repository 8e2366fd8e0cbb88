// SPDX-License-Identifier: BSD-3-Clause
// How the `gman` command ends: its exit codes, and the one line that tells what went wrong.
#pragma once

#include <string_view>

namespace gman::cli {

enum class Exit : int {
  done = 0,
  failed = 1,       ///< a job failed or raised an exception; an admin command was refused
  usage = 2,        ///< the command line cannot be meant
  unreachable = 3,  ///< no server could be reached
  deadline = 4,     ///< the deadline passed
  other = 5,        ///< the connection was lost, the protocol broken, output not writable
  interrupted = 130
};

inline constexpr std::string_view submit_exit_codes =
    "Exit codes: 0 done; 1 the job failed or raised an exception; 2 wrong usage; 3 no server\n"
    "reachable; 4 deadline; 5 connection lost, protocol error and all else; 130 interrupted.";

/// Prints "gman do: what went wrong; what to do" to standard error and returns `code`.
Exit fail(Exit code, std::string_view command, std::string_view message,
          std::string_view hint = {});

}  // namespace gman::cli
