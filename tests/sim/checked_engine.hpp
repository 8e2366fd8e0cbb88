// SPDX-License-Identifier: BSD-3-Clause
// CheckedEngine: the engine with the model beside it. Each event goes to both; what the engine did
// must be what the model says, and both must find their laws kept.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/engine/engine.hpp"
#include "server/net/session.hpp"
#include "tests/sim/model.hpp"

namespace gman::sim {

class CheckedEngine {
 public:
  /// What is done about it, in order; it must not call the engine.
  struct Sink {
    std::function<void(ConnId, std::string_view, std::uint64_t batch)> send;
    std::function<void(ConnId, CloseReason)> close;
  };

  CheckedEngine(const EngineSettings& settings, Sink sink)
      : engine_(std::make_unique<Engine>(settings)), model_(settings), sink_(std::move(sink)) {}

  void connected(ConnId conn);
  void handle(ConnId conn, const Request& request, Now now);
  void disconnected(ConnId conn, Now now);
  void tick(Now now);
  void change(const EngineSettings& settings);
  void stop_assigning();

  // The store: one batch at a time.
  [[nodiscard]] bool has_changes() const { return !effects_.changes().empty(); }
  /// What is to be stored since the last call; its number.
  std::uint64_t take_batch(JobChanges& changes);
  void stored(std::uint64_t batch, Now now);
  void give_up_storing(Now now);
  /// Jobs whose workloads it has asked for since the last call.
  [[nodiscard]] std::vector<JobNumber> take_wanted() { return std::exchange(wanted_, {}); }
  void fetched(JobNumber number, std::string_view workload, Now now);
  void lost(JobNumber number, Now now);
  void set_store_fault(const std::string& text);
  /// Another engine, with these jobs, in the order of their positions.
  void restart(const EngineSettings& settings, const std::vector<JobRecord>& jobs,
               const std::map<std::uint32_t, std::string>& starts, bool last_batch_is_stored,
               Now now);
  [[nodiscard]] std::uint64_t batch() const { return effects_.batch(); }
  [[nodiscard]] std::string admin(const AdminCommand& command, std::string_view line, Now now);

  [[nodiscard]] const Engine& engine() const { return *engine_; }
  [[nodiscard]] const Model& model() const { return model_; }
  [[nodiscard]] std::uint64_t events() const { return events_; }

 private:
  void witness();
  void compare(Now now);

  std::unique_ptr<Engine> engine_;
  Model model_;
  Sink sink_;
  Effects effects_;
  SessionTable no_sessions_;
  std::vector<Happened> happened_;
  std::vector<ConnId> woken_;
  std::vector<JobNumber> wanted_;
  std::uint64_t events_ = 0;
};

}  // namespace gman::sim
