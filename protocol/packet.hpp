// SPDX-License-Identifier: BSD-3-Clause
// The packet table: every packet type of the Gearman protocol, who may send it, and its shape.
//
// A packet is a 12-byte header (magic "\0REQ" or "\0RES", type and body length as big-endian u32)
// and a body of NUL-separated arguments. `args` counts the arguments; where the body is opaque,
// one more follows them that takes every remaining byte, NULs included. Where it is not, the last
// argument takes them. See docs/PROTOCOL.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gman {

enum class PacketType : std::uint32_t {
  can_do = 1,
  cant_do = 2,
  reset_abilities = 3,
  pre_sleep = 4,
  noop = 6,
  submit_job = 7,
  job_created = 8,
  grab_job = 9,
  no_job = 10,
  job_assign = 11,
  work_status = 12,
  work_complete = 13,
  work_fail = 14,
  get_status = 15,
  echo_req = 16,
  echo_res = 17,
  submit_job_bg = 18,
  error = 19,
  status_res = 20,
  submit_job_high = 21,
  set_client_id = 22,
  can_do_timeout = 23,
  all_yours = 24,
  work_exception = 25,
  option_req = 26,
  option_res = 27,
  work_data = 28,
  work_warning = 29,
  grab_job_uniq = 30,
  job_assign_uniq = 31,
  submit_job_high_bg = 32,
  submit_job_low = 33,
  submit_job_low_bg = 34,
  submit_job_sched = 35,
  submit_job_epoch = 36,
  submit_reduce_job = 37,
  submit_reduce_job_background = 38,
  grab_job_all = 39,
  job_assign_all = 40,
  get_status_unique = 41,
  status_res_unique = 42,
  submit = 1000,  // from here on: protocol/extended.hpp
  submit_many = 1001,
  can_do_many = 1002,
};

enum class Body : std::uint8_t { none, opaque };

/// Who sends a packet: to the server, from it, or both ways.
enum class Sent : std::uint8_t { req, res, both };

struct PacketSpec {
  PacketType type;
  std::string_view name;
  Sent sent;
  std::uint8_t args;
  Body body;
};

inline constexpr std::array packet_table{
    //         type                                      wire name        sent as     args  body
    PacketSpec{PacketType::can_do, "CAN_DO", Sent::req, 1, Body::none},
    PacketSpec{PacketType::cant_do, "CANT_DO", Sent::req, 1, Body::none},
    PacketSpec{PacketType::reset_abilities, "RESET_ABILITIES", Sent::req, 0, Body::none},
    PacketSpec{PacketType::pre_sleep, "PRE_SLEEP", Sent::req, 0, Body::none},
    PacketSpec{PacketType::noop, "NOOP", Sent::res, 0, Body::none},
    PacketSpec{PacketType::submit_job, "SUBMIT_JOB", Sent::req, 2, Body::opaque},
    PacketSpec{PacketType::job_created, "JOB_CREATED", Sent::res, 1, Body::none},
    PacketSpec{PacketType::grab_job, "GRAB_JOB", Sent::req, 0, Body::none},
    PacketSpec{PacketType::no_job, "NO_JOB", Sent::res, 0, Body::none},
    PacketSpec{PacketType::job_assign, "JOB_ASSIGN", Sent::res, 2, Body::opaque},
    PacketSpec{PacketType::work_status, "WORK_STATUS", Sent::both, 3, Body::none},
    PacketSpec{PacketType::work_complete, "WORK_COMPLETE", Sent::both, 1, Body::opaque},
    PacketSpec{PacketType::work_fail, "WORK_FAIL", Sent::both, 1, Body::none},
    PacketSpec{PacketType::get_status, "GET_STATUS", Sent::req, 1, Body::none},
    PacketSpec{PacketType::echo_req, "ECHO_REQ", Sent::req, 0, Body::opaque},
    PacketSpec{PacketType::echo_res, "ECHO_RES", Sent::res, 0, Body::opaque},
    PacketSpec{PacketType::submit_job_bg, "SUBMIT_JOB_BG", Sent::req, 2, Body::opaque},
    PacketSpec{PacketType::error, "ERROR", Sent::res, 2, Body::none},
    PacketSpec{PacketType::status_res, "STATUS_RES", Sent::res, 5, Body::none},
    PacketSpec{PacketType::submit_job_high, "SUBMIT_JOB_HIGH", Sent::req, 2, Body::opaque},
    PacketSpec{PacketType::set_client_id, "SET_CLIENT_ID", Sent::req, 1, Body::none},
    PacketSpec{PacketType::can_do_timeout, "CAN_DO_TIMEOUT", Sent::req, 2, Body::none},
    PacketSpec{PacketType::all_yours, "ALL_YOURS", Sent::req, 0, Body::none},
    PacketSpec{PacketType::work_exception, "WORK_EXCEPTION", Sent::both, 1, Body::opaque},
    PacketSpec{PacketType::option_req, "OPTION_REQ", Sent::req, 1, Body::none},
    PacketSpec{PacketType::option_res, "OPTION_RES", Sent::res, 1, Body::none},
    PacketSpec{PacketType::work_data, "WORK_DATA", Sent::both, 1, Body::opaque},
    PacketSpec{PacketType::work_warning, "WORK_WARNING", Sent::both, 1, Body::opaque},
    PacketSpec{PacketType::grab_job_uniq, "GRAB_JOB_UNIQ", Sent::req, 0, Body::none},
    PacketSpec{PacketType::job_assign_uniq, "JOB_ASSIGN_UNIQ", Sent::res, 3, Body::opaque},
    PacketSpec{PacketType::submit_job_high_bg, "SUBMIT_JOB_HIGH_BG", Sent::req, 2, Body::opaque},
    PacketSpec{PacketType::submit_job_low, "SUBMIT_JOB_LOW", Sent::req, 2, Body::opaque},
    PacketSpec{PacketType::submit_job_low_bg, "SUBMIT_JOB_LOW_BG", Sent::req, 2, Body::opaque},
    PacketSpec{PacketType::submit_job_sched, "SUBMIT_JOB_SCHED", Sent::req, 7, Body::opaque},
    PacketSpec{PacketType::submit_job_epoch, "SUBMIT_JOB_EPOCH", Sent::req, 3, Body::opaque},
    PacketSpec{PacketType::submit_reduce_job, "SUBMIT_REDUCE_JOB", Sent::req, 4, Body::opaque},
    PacketSpec{PacketType::submit_reduce_job_background, "SUBMIT_REDUCE_JOB_BACKGROUND", Sent::req,
               4, Body::opaque},
    PacketSpec{PacketType::grab_job_all, "GRAB_JOB_ALL", Sent::req, 0, Body::none},
    PacketSpec{PacketType::job_assign_all, "JOB_ASSIGN_ALL", Sent::res, 4, Body::opaque},
    PacketSpec{PacketType::get_status_unique, "GET_STATUS_UNIQUE", Sent::req, 1, Body::none},
    PacketSpec{PacketType::status_res_unique, "STATUS_RES_UNIQUE", Sent::res, 6, Body::none},
    PacketSpec{PacketType::submit, "SUBMIT", Sent::req, 3, Body::opaque},
    PacketSpec{PacketType::submit_many, "SUBMIT_MANY", Sent::req, 2, Body::opaque},
    PacketSpec{PacketType::can_do_many, "CAN_DO_MANY", Sent::req, 0, Body::opaque},
};

consteval bool strictly_ascending(const auto& table) {
  for (std::size_t i = 1; i < table.size(); ++i) {
    if (table[i - 1].type >= table[i].type) return false;
  }
  return true;
}
static_assert(strictly_ascending(packet_table), "one row per packet type, in wire order");

/// Sent only on a connection that asked for it by OPTION_REQ.
[[nodiscard]] constexpr bool is_extended(PacketType type) {
  return type >= PacketType::submit;
}

/// The row of a type as it came over the wire; nullptr when there is none.
[[nodiscard]] const PacketSpec* find_spec(std::uint32_t wire_type);

/// Requires: a type of the table.
[[nodiscard]] const PacketSpec& spec_of(PacketType type);

}  // namespace gman
