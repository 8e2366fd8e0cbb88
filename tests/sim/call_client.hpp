// SPDX-License-Identifier: BSD-3-Clause
// CallClient: a program that calls the job server by our own client core (client/fsm), one call
// after the other: foreground and background jobs, many foreground jobs at once, status and ping,
// with and without a deadline, on new and on kept connections, to one server or to two names of it.
//
// Whatever the network does, a call ends once, by a result that is true or by an error that may
// be; the server never breaks the protocol.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "client/fsm/call_fsm.hpp"
#include "tests/sim/world.hpp"

namespace gman::sim {

class CallClient final : public Peer {
 public:
  explicit CallClient(World& world);

  /// Begins a call, if none is under way.
  void call();

  void calm() override {}
  [[nodiscard]] bool is_done() const override { return fsm_ == nullptr; }
  [[nodiscard]] std::string state() const override;
  void lose_connection() override;

 private:
  void run_many(CallLimits limits);
  void begin(const Call& call, const CallLimits& limits);
  void obey(Action action);
  void open();
  void drop_link();
  void send_some();
  void receive(std::string_view bytes);
  void resume(const CallEvent& event);
  void wake_up_when_asked();
  void ended();
  void check_result() const;
  void check_job(const JobOutcome& job) const;
  void check_error(const Error& error, const std::string& handle) const;

  ServerChoice choice_;
  std::unique_ptr<CallFsm> fsm_;
  std::uint64_t call_number_ = 0;  // so that what was timed for a call that has ended is dropped
  std::uint32_t attempt_ = 0;
  std::shared_ptr<Link> link_;
  JobMode mode_ = JobMode::foreground;
  bool is_job_ = false;
  std::string last_handle_;
};

}  // namespace gman::sim
