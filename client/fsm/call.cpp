// SPDX-License-Identifier: BSD-3-Clause
#include "client/fsm/call.hpp"

namespace gman {
namespace {

// Empty: no fault.
std::string above_limit(std::string_view what, std::size_t bytes, std::size_t bytes_max) {
  if (bytes <= bytes_max) return {};
  return std::string(what) + " of " + std::to_string(bytes) + " bytes is above the limit of " +
         std::to_string(bytes_max) + " bytes";
}

// A NUL would end the argument early and shift all that follow.
std::string holds_nul(std::string_view what, std::string_view text) {
  const std::size_t at = text.find('\0');
  if (at == std::string_view::npos) return {};
  return std::string(what) + " contains a NUL byte, at offset " + std::to_string(at);
}

// Checked in this order, so that a call with two faults has one right answer.
struct Faults {
  const CallLimits& limits;

  std::string operator()(const SubmitCall& call) const {
    if (call.function.empty()) return "function name is empty";
    std::string fault = above_limit("function name", call.function.size(), function_bytes_max);
    if (fault.empty()) fault = holds_nul("function name", call.function);
    if (fault.empty()) fault = above_limit("unique key", call.unique.size(), unique_bytes_max);
    if (fault.empty()) fault = holds_nul("unique key", call.unique);
    if (fault.empty()) {
      fault = above_limit("workload", call.workload.size(), limits.workload_bytes_max);
    }
    return fault;
  }
  std::string operator()(const StatusCall& call) const {
    if (call.handle.empty()) return "job handle is empty";
    std::string fault = above_limit("job handle", call.handle.size(), handle_bytes_max);
    if (fault.empty()) fault = holds_nul("job handle", call.handle);
    return fault;
  }
  std::string operator()(const PingCall&) const { return {}; }
};

}  // namespace

std::optional<Error> fault_of(const Call& call, const CallLimits& limits) {
  std::string fault = std::visit(Faults{limits}, call);
  if (fault.empty()) return std::nullopt;
  return Error{client_errc::invalid_argument, std::move(fault), {}};
}

}  // namespace gman
