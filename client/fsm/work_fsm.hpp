// SPDX-License-Identifier: BSD-3-Clause
// WorkFsm: the life of one worker connection, from registering its functions to its last result.
//
// A plain state machine without I/O: the shell tells it what happened (connected, bytes came, a job
// ended) and obeys the actions that it gets back; bytes to send collect in an output that the shell
// takes whenever it likes, so a result and the GRAB_JOB after it leave in one write.
//
// Slots are the shell's: a connection may grab only when the shell gives it a free one, so several
// connections can share a worker without taking more jobs than it has threads. The slot travels
// with the grab: it comes back with FreeSlot (there was no job) or stays with RunJob until the
// shell reports how the job ended. At most one grab is under way at a time.
//
//            connected()        grab()              JOB_ASSIGN
//   closed ────────────▶ awake ────────▶ grabbing ────────────▶ awake
//                          ▲                 │ NO_JOB: PRE_SLEEP
//                          └──── asleep ◀────┘
//                           NOOP
//   retire() leads from every state to `retired`, from grabbing after the answer to the last grab.
//
// A worker of many functions first asks whether the server takes them by CAN_DO_MANY, and is
// `introducing` until the answer has come; then it registers, by as few packets as it may.
//
// An ERROR packet may come between a grab and its answer (it speaks of a late result, for example);
// it is reported and changes nothing. See docs/PROTOCOL.md.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "protocol/response.hpp"

namespace gman {

/// A function that a worker offers. A timeout of 0 registers it with CAN_DO, else CAN_DO_TIMEOUT.
struct WorkerAbility {
  std::string function;
  std::chrono::milliseconds timeout{0};
};

/// Run this job in the slot that the grab brought.
struct RunJob {
  std::string handle, function, unique, workload;
};
/// The slot of the grab is free again.
struct FreeSlot {};
/// The server sent ERROR. It is for people to read.
struct ReportError {
  std::string code, text;
};
/// The server broke the protocol, and nothing that follows can be trusted. Always the last action.
struct EndConnection {
  error_code reason;
};
using WorkAction = std::variant<RunJob, FreeSlot, ReportError, EndConnection>;

class WorkFsm {
 public:
  /// With so many functions it is worth a round trip to ask for CAN_DO_MANY.
  static constexpr std::size_t many_abilities = 16;

  enum class State : std::uint8_t {
    closed,         ///< nothing was sent yet
    introducing,    ///< asked how to register; the answer is still to come
    awake,          ///< registered; there may be jobs: wants a slot to grab with
    grabbing,       ///< a grab is under way
    asleep,         ///< PRE_SLEEP was sent; NOOP will wake it
    last_grabbing,  ///< retiring, but the answer to a grab is still to come
    retired         ///< grabs no more; may still send results
  };

  /// Requires: every function name and the id are within protocol/limits.hpp.
  WorkFsm(std::string client_id, std::vector<WorkerAbility> abilities);

  /// Registers id and functions, or asks how to.
  /// Requires: state closed.
  void connected();

  /// Everything that `in` holds whole; `taken` says how many bytes that was, the rest must be
  /// offered again with more behind it.
  [[nodiscard]] std::vector<WorkAction> receive(std::string_view in, std::size_t& taken);

  /// Takes one slot along.
  /// Requires: wants_grab().
  void grab();

  /// No more grabs from now on.
  void retire();

  [[nodiscard]] bool wants_grab() const { return state_ == State::awake; }
  [[nodiscard]] bool is_grabbing() const {
    return state_ == State::grabbing || state_ == State::last_grabbing;
  }
  /// The server owes an answer without which there is no going on.
  [[nodiscard]] bool is_awaiting() const { return state_ == State::introducing || is_grabbing(); }
  [[nodiscard]] State state() const { return state_; }

  // What running jobs send. The first three end the job.
  // Requires: `data` fits workload_bytes_max.
  void complete(std::string_view handle, std::string_view data);
  void fail(std::string_view handle);
  void exception(std::string_view handle, std::string_view data);
  void data(std::string_view handle, std::string_view data);
  void warning(std::string_view handle, std::string_view data);
  void status(std::string_view handle, std::uint32_t numerator, std::uint32_t denominator);

  [[nodiscard]] std::size_t output_bytes() const { return output_.size(); }
  /// What is to be sent, in order; leaves the output empty.
  [[nodiscard]] std::string take_output();

 private:
  [[nodiscard]] Result<void> on_frame(const Frame& frame, std::vector<WorkAction>& actions);
  [[nodiscard]] Result<void> on_response(const Response& response,
                                         std::vector<WorkAction>& actions);
  [[nodiscard]] Result<void> on_assign(const JobAssign& assign, std::vector<WorkAction>& actions);
  void register_one_by_one();
  void register_many();
  [[nodiscard]] bool offers(std::string_view function) const;

  std::string client_id_;
  std::vector<WorkerAbility> abilities_;
  State state_ = State::closed;
  std::string output_;
};

/// "awake" and so on, for logs and tests.
[[nodiscard]] std::string_view to_string(WorkFsm::State state);

}  // namespace gman
