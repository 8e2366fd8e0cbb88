// SPDX-License-Identifier: BSD-3-Clause
// VirtualServer: the shell's part of a server without its sockets. It cuts bytes into frames, makes
// requests and admin commands of them, gives them to the engine with the time, and sends what comes
// out: server/net/switchboard.cpp over a virtual network. The fuzz target of the engine is this,
// too.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/net/held_output.hpp"
#include "tests/sim/checked_engine.hpp"

namespace gman::sim {

class VirtualServer {
 public:
  struct Output {
    std::function<void(ConnId, std::string_view)> send;
    /// Everything was sent; nothing more will be.
    std::function<void(ConnId)> close;
    /// The store was given a batch: whoever hears of it calls store_has_it(), some time.
    std::function<void()> store{};
    /// The store was asked for a workload: whoever hears of it calls store_reads(), some time.
    std::function<void()> read{};
  };

  VirtualServer(const EngineSettings& settings, Output output);

  [[nodiscard]] ConnId accept();
  void receive(ConnId conn, std::string_view bytes, Now now);
  /// The peer is gone.
  void ended(ConnId conn, Now now);
  void tick(Now now);
  /// The store has the batch that it was given.
  void store_has_it(Now now);
  /// It has one of the workloads that it was asked for, or has lost it.
  [[nodiscard]] std::size_t awaited() const { return wanted_.size(); }
  void store_reads(std::size_t which, bool is_lost, Now now);
  /// Clients have waited long enough for it.
  void give_up_storing(Now now);
  /// It dies, and another one begins with what is stored; whether what the store was just given is
  /// there is chance.
  void restart(bool last_batch_is_stored, Now now);

  /// As at SIGHUP.
  void change(const EngineSettings& settings) { engine_.change(settings); }
  /// As at SIGTERM, while running jobs are waited for.
  void drain() { engine_.stop_assigning(); }
  [[nodiscard]] std::optional<Instant> next_deadline() const {
    return engine_.engine().next_deadline();
  }

  [[nodiscard]] const CheckedEngine& engine() const { return engine_; }
  /// Called with each request before the engine sees it.
  std::function<void(ConnId, const Request&)> on_request;

 private:
  struct Session {
    std::string in, out;
    HeldOutput held;
    bool is_open = true;
  };
  /// A record that owns its texts.
  struct Kept {
    explicit Kept(const JobRecord& record) { changes.add(record); }
    [[nodiscard]] JobRecord record() const;
    JobChanges changes;
    std::uint64_t position = 0;
    bool is_requeued = false;
    std::uint32_t attempts_lost = 0;
  };

  void handle(ConnId conn, std::string_view bytes, const Packet& packet, Now now);
  void handle(ConnId conn, const TextLine& line, Now now);
  void refuse(ConnId conn, const error_code& fault, bool as_text);
  void send(ConnId conn, std::string_view bytes, std::uint64_t batch);
  void finish_turn(Now now);
  void give_to_store();
  void keep_given();

  EngineSettings settings_;
  CheckedEngine engine_;
  Output output_;
  std::map<ConnId, Session> sessions_;
  std::vector<std::uint32_t> free_slots_;
  std::uint32_t slots_ = 0;
  std::uint64_t generation_ = 0;

  std::optional<std::uint64_t> given_batch_;  ///< the store is busy with it
  std::uint64_t stored_batch_ = 0;
  JobChanges given_;
  std::map<JobNumber, Kept> stored_;
  std::vector<JobNumber> wanted_;  ///< of its jobs
  std::map<std::uint32_t, std::string> starts_;
  std::uint32_t start_ = 1;
};

}  // namespace gman::sim
