// SPDX-License-Identifier: BSD-3-Clause
// The admin text protocol: one line in, one answer out, byte for byte as gearmand gives it.
//
// Lists end with a line ".\n"; single answers begin with OK or ERR. Words are split at runs of
// blanks, verbs are case-insensitive. What a command does is the engine's and the shell's business;
// this file knows only the words.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "protocol/request.hpp"

namespace gman {

struct AdminStatus {};
struct AdminPriorityStatus {};
struct AdminWorkers {};
struct AdminVersion {};
struct AdminVerbose {};
struct AdminGetPid {};
struct AdminShowJobs {};
struct AdminShowUniqueJobs {};
struct AdminShutdown {
  bool graceful = false;  ///< "shutdown graceful": let queued jobs finish first
};
/// "maxqueue F", "maxqueue F N" or "maxqueue F HIGH NORMAL LOW". 0: no limit.
struct AdminMaxQueue {
  std::string_view function;
  std::array<std::uint32_t, priority_count> jobs_max{};
};
struct AdminCreateFunction {
  std::string_view function;
};
struct AdminDropFunction {
  std::string_view function;
};
struct AdminCancelJob {
  std::string_view handle;
};
/// A line that is no command: `answer` is all there is to do about it.
struct AdminMistake {
  std::string answer;
};

using AdminCommand =
    std::variant<AdminStatus, AdminPriorityStatus, AdminWorkers, AdminVersion, AdminVerbose,
                 AdminGetPid, AdminShowJobs, AdminShowUniqueJobs, AdminShutdown, AdminMaxQueue,
                 AdminCreateFunction, AdminDropFunction, AdminCancelJob, AdminMistake>;

/// The command in a line. Errors (too many words) end the connection, as in gearmand.
[[nodiscard]] Result<AdminCommand> parse_admin(std::string_view line);

// Rows of the lists, as the engine knows them.
struct FunctionStatus {
  std::string_view function;
  std::uint64_t total = 0;  ///< queued and running
  std::uint64_t running = 0;
  std::uint64_t workers = 0;
};
struct FunctionPriorityStatus {
  std::string_view function;
  std::array<std::uint64_t, priority_count> queued{};  ///< by Priority
  std::uint64_t workers = 0;
};
struct ConnectionStatus {
  std::int64_t fd = 0;
  std::string address;  ///< the peer's; "unix" for a Unix socket
  std::string_view client_id;
  std::vector<std::string_view> functions;
};
struct JobStatusRow {
  std::string_view handle;
  std::uint32_t retries = 0;
  bool ignored = false;
  bool persisted = false;
};

void append_status_row(std::string& out, const FunctionStatus& row);
void append_priority_status_row(std::string& out, const FunctionPriorityStatus& row);
void append_workers_row(std::string& out, const ConnectionStatus& row);
void append_jobs_row(std::string& out, const JobStatusRow& row);
void append_unique_row(std::string& out, std::string_view unique);

namespace admin_text {
inline constexpr std::string_view list_end = ".\n";
inline constexpr std::string_view ok = "OK\r\n";
inline constexpr std::string_view unknown_job = "ERR UNKNOWN_JOB\r\n";
inline constexpr std::string_view function_not_found = "ERR function not found\r\n";
inline constexpr std::string_view function_in_use =
    "ERR there are still connected workers or executing clients\r\n";
}  // namespace admin_text

/// "ERR CODE Text+with+blanks+as+plus\r\n".
[[nodiscard]] std::string admin_error(std::string_view code, std::string_view text);

}  // namespace gman
