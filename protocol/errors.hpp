// SPDX-License-Identifier: BSD-3-Clause
// How a peer can break the protocol, and what it is told.
//
// An error of framing ends the connection, since nothing that follows can be trusted. An error
// inside a whole packet costs the sender only that request: it gets an ERROR packet whose code is
// libgearman's name for the fault.
#pragma once

#include <string_view>

#include "base/result.hpp"

namespace gman {

enum class protocol_errc {
  bad_magic = 1,       ///< the bytes after NUL are neither REQ nor RES
  unknown_type,        ///< no packet has this number
  body_too_large,      ///< the header announces more than body_bytes_max
  text_line_too_long,  ///< no line end within text_line_bytes_max
  too_many_words,      ///< an admin line of more than text_words_max words
  response_magic,      ///< "\0RES" sent to a server
  request_magic,       ///< "\0REQ" sent to a client
  unexpected_type,     ///< a packet that only the other side sends
  missing_argument,    ///< fewer NULs than the packet needs
  function_empty,
  function_too_long,
  unique_too_long,
  handle_too_long,
  option_name_too_long,
  number_too_long,
  reducer_too_long,
  workload_too_large,
  options_too_long,
  jobs_not_framed,     ///< the jobs of a SUBMIT_MANY do not fill it exactly
  too_many_jobs,       ///< in a SUBMIT_MANY
  abilities_unpaired,  ///< a function of a CAN_DO_MANY without its milliseconds
  too_many_abilities,  ///< in a CAN_DO_MANY
};

[[nodiscard]] error_code make_error_code(protocol_errc code);

/// What an ERROR packet says of a fault, and whether the connection ends with it.
struct Refusal {
  std::string_view code;
  std::string_view text;
  bool closes;
};

[[nodiscard]] Refusal refusal_of(protocol_errc fault);

/// ERROR codes that the engine sends for requests it refuses.
namespace error_text {
inline constexpr std::string_view job_not_found_code = "JOB_NOT_FOUND";
inline constexpr std::string_view job_not_found = "Job given in work result not found";
inline constexpr std::string_view job_not_found_data = "Job does not exist on server";
inline constexpr std::string_view job_not_found_exception =
    "An exception was received for a job that does not exist";
inline constexpr std::string_view queue_error_code = "QUEUE_ERROR";
/// Its text says what is wrong with the store.
inline constexpr std::string_view store_error_code = "STORE_ERROR";
inline constexpr std::string_view queue_full = "Job queue is full";
inline constexpr std::string_view too_many_jobs = "Too many jobs wait: jobs-max";
inline constexpr std::string_view memory_full = "No memory left for jobs: memory-max";
inline constexpr std::string_view too_many_clients = "Too many clients wait for this job";
inline constexpr std::string_view too_many_functions = "Too many functions";
inline constexpr std::string_view too_many_connections_code = "TOO_MANY_CONNECTIONS";
inline constexpr std::string_view too_many_connections =
    "The server has as many connections as it may: connections-max";
inline constexpr std::string_view invalid_argument_code = "INVALID_ARGUMENT";
inline constexpr std::string_view schedule_never = "No minute matches this schedule";
inline constexpr std::string_view unknown_option_code = "UNKNOWN_OPTION";
inline constexpr std::string_view unknown_option = "Server does not recognize given option";
}  // namespace error_text

}  // namespace gman

template <>
struct boost::system::is_error_code_enum<gman::protocol_errc> : std::true_type {};
