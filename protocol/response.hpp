// SPDX-License-Identifier: BSD-3-Clause
// What the server may send, as values: answers, assignments and the WORK_* packets that it passes
// on. Views as in request.hpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.hpp"
#include "protocol/framing.hpp"
#include "protocol/request.hpp"

namespace gman {

struct JobCreated {
  std::string_view handle;
};
struct Noop {};
struct NoJob {};

/// JOB_ASSIGN, JOB_ASSIGN_UNIQ or JOB_ASSIGN_ALL, by `form`. `unique` is empty for the plain form
/// and `reducer` for all but the last.
struct JobAssign {
  GrabForm form = GrabForm::plain;
  std::string_view handle, function, unique, reducer, workload;
};

struct StatusRes {
  std::string_view handle;
  bool known = false, running = false;
  std::uint32_t numerator = 0, denominator = 0;
};
struct StatusResUnique {
  std::string_view unique;
  bool known = false, running = false;
  std::uint32_t numerator = 0, denominator = 0;
  std::uint32_t clients = 0;
};
struct EchoRes {
  std::string_view data;
};
struct OptionRes {
  std::string_view name;
};
struct ErrorRes {
  std::string_view code, text;
};

using Response = std::variant<JobCreated, JobAssign, NoJob, Noop, WorkComplete, WorkStatus,
                              WorkFail, WorkException, WorkData, WorkWarning, StatusRes,
                              StatusResUnique, EchoRes, OptionRes, ErrorRes>;

[[nodiscard]] Result<Response> parse_response(const Packet& packet);

/// Appends the response as a "\0RES" packet.
/// Requires: the parts are within protocol/limits.hpp.
void append_response(std::string& out, const Response& response);

}  // namespace gman
