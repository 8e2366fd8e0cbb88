// SPDX-License-Identifier: BSD-3-Clause
#include "client/fsm/work_fsm.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "protocol/extended.hpp"
#include "protocol/limits.hpp"

namespace gman {
namespace {

CanDo can_do(const WorkerAbility& ability) {
  return {.function = ability.function,
          .timeout_ms = static_cast<std::uint32_t>(ability.timeout.count())};
}

}  // namespace

WorkFsm::WorkFsm(std::string client_id, std::vector<WorkerAbility> abilities)
    : client_id_(std::move(client_id)), abilities_(std::move(abilities)) {}

void WorkFsm::connected() {
  GMAN_ASSERT(state_ == State::closed);
  if (abilities_.size() >= many_abilities) {
    append_request(output_, OptionReq{option_name_of(PacketType::can_do_many)});
    state_ = State::introducing;
  }
  if (!client_id_.empty()) append_request(output_, SetClientId{client_id_});
  if (state_ == State::closed) register_one_by_one();
}

void WorkFsm::register_one_by_one() {
  for (const WorkerAbility& ability : abilities_) append_request(output_, can_do(ability));
  state_ = State::awake;
}

void WorkFsm::register_many() {
  std::vector<CanDo> packet;
  for (const WorkerAbility& ability : abilities_) {
    packet.push_back(can_do(ability));
    if (packet.size() == can_do_many_functions_max || &ability == &abilities_.back()) {
      append_can_do_many(output_, packet);
      packet.clear();
    }
  }
  state_ = State::awake;
}

std::vector<WorkAction> WorkFsm::receive(std::string_view in, std::size_t& taken) {
  GMAN_ASSERT(state_ != State::closed);
  std::vector<WorkAction> actions;
  taken = 0;
  for (;;) {
    const auto frame = next_frame(in.substr(taken));
    if (frame && !*frame) return actions;
    const auto accepted = frame ? on_frame(**frame, actions) : frame.error();
    if (!accepted) {
      actions.emplace_back(EndConnection{accepted.error()});
      return actions;
    }
    taken += (*frame)->bytes;
  }
}

void WorkFsm::grab() {
  GMAN_ASSERT(wants_grab());
  append_request(output_, GrabJob{GrabForm::all});
  state_ = State::grabbing;
}

void WorkFsm::retire() {
  switch (state_) {
    case State::closed:
    case State::introducing:
    case State::awake:
    case State::asleep: state_ = State::retired; break;
    case State::grabbing: state_ = State::last_grabbing; break;
    case State::last_grabbing:
    case State::retired: break;
  }
}

void WorkFsm::complete(std::string_view handle, std::string_view data) {
  append_request(output_, WorkComplete{handle, data});
}

void WorkFsm::fail(std::string_view handle) {
  append_request(output_, WorkFail{handle});
}

void WorkFsm::exception(std::string_view handle, std::string_view data) {
  append_request(output_, WorkException{handle, data});
}

void WorkFsm::data(std::string_view handle, std::string_view data) {
  append_request(output_, WorkData{handle, data});
}

void WorkFsm::warning(std::string_view handle, std::string_view data) {
  append_request(output_, WorkWarning{handle, data});
}

void WorkFsm::status(std::string_view handle, std::uint32_t numerator, std::uint32_t denominator) {
  append_request(output_,
                 WorkStatus{handle, std::to_string(numerator), std::to_string(denominator)});
}

std::string WorkFsm::take_output() {
  return std::exchange(output_, {});
}

Result<void> WorkFsm::on_frame(const Frame& frame, std::vector<WorkAction>& actions) {
  const auto* packet = std::get_if<Packet>(&frame.unit);
  if (packet == nullptr) return protocol_errc::bad_magic;  // a text line: nobody asked for one
  const auto response = parse_response(*packet);
  if (!response) return response.error();
  return on_response(*response, actions);
}

Result<void> WorkFsm::on_response(const Response& response, std::vector<WorkAction>& actions) {
  if (state_ == State::introducing) {
    if (std::holds_alternative<OptionRes>(response)) {
      register_many();
      return {};
    }
    if (std::holds_alternative<ErrorRes>(response)) {
      register_one_by_one();
      return {};
    }
  }
  // It was asked before the worker retired.
  if (state_ == State::retired && std::holds_alternative<OptionRes>(response)) return {};
  if (const auto* assign = std::get_if<JobAssign>(&response)) return on_assign(*assign, actions);
  if (const auto* error = std::get_if<ErrorRes>(&response)) {
    actions.emplace_back(ReportError{std::string(error->code), std::string(error->text)});
    return {};
  }
  if (std::holds_alternative<Noop>(response)) {
    // Servers may wake a worker that does not sleep; that changes nothing.
    if (state_ == State::asleep) state_ = State::awake;
    return {};
  }
  if (std::holds_alternative<NoJob>(response) && is_grabbing()) {
    actions.emplace_back(FreeSlot{});
    if (state_ == State::grabbing) {
      append_request(output_, PreSleep{});
      state_ = State::asleep;
    } else {
      state_ = State::retired;
    }
    return {};
  }
  return protocol_errc::unexpected_type;
}

Result<void> WorkFsm::on_assign(const JobAssign& assign, std::vector<WorkAction>& actions) {
  if (!is_grabbing()) return protocol_errc::unexpected_type;
  // A handle that cannot be sent back with a result is of no use.
  if (assign.handle.size() > handle_bytes_max) return protocol_errc::handle_too_long;
  state_ = state_ == State::grabbing ? State::awake : State::retired;
  if (!offers(assign.function)) {
    exception(assign.handle, "this worker does not offer the function that it was assigned");
    actions.emplace_back(FreeSlot{});
    return {};
  }
  actions.emplace_back(RunJob{.handle = std::string(assign.handle),
                              .function = std::string(assign.function),
                              .unique = std::string(assign.unique),
                              .workload = std::string(assign.workload)});
  return {};
}

bool WorkFsm::offers(std::string_view function) const {
  return std::ranges::any_of(
      abilities_, [&](const WorkerAbility& ability) { return ability.function == function; });
}

std::string_view to_string(WorkFsm::State state) {
  switch (state) {
    case WorkFsm::State::closed: return "closed";
    case WorkFsm::State::introducing: return "introducing";
    case WorkFsm::State::awake: return "awake";
    case WorkFsm::State::grabbing: return "grabbing";
    case WorkFsm::State::asleep: return "asleep";
    case WorkFsm::State::last_grabbing: return "last_grabbing";
    case WorkFsm::State::retired: return "retired";
  }
  return "unknown";
}

}  // namespace gman
