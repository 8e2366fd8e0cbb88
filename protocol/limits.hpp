// SPDX-License-Identifier: BSD-3-Clause
// Every bound of the protocol, by name. Tests sit at each one's edge.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gman {

/// Magic, type and body length.
inline constexpr std::size_t header_bytes = 12;

/// A workload of 64 MiB and everything that travels beside it (function, unique, handle).
inline constexpr std::uint32_t workload_bytes_max = 64u << 20;
inline constexpr std::uint32_t body_bytes_max = workload_bytes_max + (64u << 10);

/// libgearman's bound; gearmand itself took whatever fitted its 8 KiB receive buffer.
inline constexpr std::size_t function_bytes_max = 512;

/// gearmand accepts 64 bytes but keeps 63, so such a unique never coalesces there; here it does.
inline constexpr std::size_t unique_bytes_max = 64;

/// Without the NUL that gearmand counts in its 64.
inline constexpr std::size_t handle_bytes_max = 63;

inline constexpr std::size_t client_id_bytes_max = 127;
inline constexpr std::size_t option_name_bytes_max = 63;

/// Decimal digits of a number sent as text (CAN_DO_TIMEOUT, SUBMIT_JOB_EPOCH, WORK_STATUS).
inline constexpr std::size_t number_bytes_max = 20;

/// An admin line, its end included; gearmand closes above 8 KiB.
inline constexpr std::size_t text_line_bytes_max = 8192;
/// An admin line of so many words is refused by closing, as gearmand does.
inline constexpr std::size_t text_words_max = 7;

/// The options of a SUBMIT or SUBMIT_MANY, together.
inline constexpr std::size_t submit_options_bytes_max = 1024;
/// The end of the year 9999, in milliseconds since 1970.
inline constexpr std::int64_t run_at_ms_max = 253'402'300'799'999;
/// Jobs of one SUBMIT_MANY: others want their turn too.
inline constexpr std::size_t submit_many_jobs_max = 1'000;
/// Functions of one CAN_DO_MANY.
inline constexpr std::size_t can_do_many_functions_max = 10'000;

inline constexpr std::uint16_t default_port = 4730;

}  // namespace gman
