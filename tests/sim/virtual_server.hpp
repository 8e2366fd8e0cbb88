// SPDX-License-Identifier: BSD-3-Clause
// VirtualServer: the shell's part of a server without its sockets. It cuts bytes into frames, makes
// requests and admin commands of them, gives them to the engine with the time, and sends what comes
// out: server/net/switchboard.cpp over a virtual network. The fuzz target of the engine is this,
// too.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/sim/checked_engine.hpp"

namespace gman::sim {

class VirtualServer {
 public:
  struct Output {
    std::function<void(ConnId, std::string_view)> send;
    /// Everything was sent; nothing more will be.
    std::function<void(ConnId)> close;
  };

  VirtualServer(const EngineSettings& settings, Output output);

  [[nodiscard]] ConnId accept();
  void receive(ConnId conn, std::string_view bytes, Now now);
  /// The peer is gone.
  void ended(ConnId conn, Now now);
  void tick(Now now);
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
    bool is_open = true;
  };

  void handle(ConnId conn, std::string_view bytes, const Packet& packet, Now now);
  void handle(ConnId conn, const TextLine& line, Now now);
  void refuse(ConnId conn, const error_code& fault, bool as_text);
  void finish_turn(Now now);

  CheckedEngine engine_;
  Output output_;
  std::map<ConnId, Session> sessions_;
  std::vector<std::uint32_t> free_slots_;
  std::uint32_t slots_ = 0;
  std::uint64_t generation_ = 0;
};

}  // namespace gman::sim
