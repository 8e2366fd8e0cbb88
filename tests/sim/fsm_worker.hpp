// SPDX-License-Identifier: BSD-3-Clause
// FsmWorker: a worker by our own client core (client/fsm), with a number of slots: quick and slow
// jobs, reports, every kind of end, late results after a timeout; it dies, comes back and retires.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "client/fsm/work_fsm.hpp"
#include "tests/sim/world.hpp"

namespace gman::sim {

class FsmWorker final : public Peer {
 public:
  /// A good one does every function, in time, and never fails.
  FsmWorker(World& world, bool is_good);

  void retire();
  void calm() override;
  [[nodiscard]] bool is_done() const override { return runs_.empty(); }
  [[nodiscard]] std::string state() const override {
    return "a worker runs " + std::to_string(runs_.size()) + " jobs";
  }
  void lose_connection() override;

 private:
  struct Run {
    std::string handle, attempt;
    std::uint64_t parts_left = 0, parts_sent = 0;
  };

  void connect();
  void lost();
  void receive(std::string_view bytes);
  void obey(const WorkAction& action);
  void obey(const RunJob& job);
  void obey(const FreeSlot&) { ++free_slots_; }
  void obey(const ReportError&) {}
  void obey(const EndConnection& end);
  void step(std::uint64_t run);
  void end(const Run& run);
  void flush();

  const bool is_good_;
  const std::uint64_t slots_;
  std::uint64_t free_slots_ = 0;
  std::uint64_t slowness_ms_;
  std::unique_ptr<WorkFsm> fsm_;
  std::shared_ptr<Link> link_;
  std::string in_;
  std::map<std::uint64_t, Run> runs_;
};

}  // namespace gman::sim
