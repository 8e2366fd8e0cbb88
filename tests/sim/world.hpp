// SPDX-License-Identifier: BSD-3-Clause
// World: what the peers of one history share: time, chance, the network, the one server, and what
// they must remember for the reckoning at the end.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "tests/sim/dice.hpp"
#include "tests/sim/network.hpp"
#include "tests/sim/virtual_server.hpp"

namespace gman::sim {

inline constexpr std::array<std::string_view, 4> functions{"f", "g", "h", "resize_a_picture"};

/// Whoever sent a job again, which has ended, is told of one that there is not.
[[nodiscard]] inline bool is_of_ended_job(std::string_view handle) {
  return handle.ends_with(":0");
}

class World {
 public:
  World(std::uint64_t seed, const EngineSettings& settings, const Weather& weather,
        bool is_verbose);
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// A new connection to the server, which becomes `current`. An old one may still have something
  /// to say when there is a new one; nobody hears it.
  void connect(std::shared_ptr<Link>& current, Endpoint peer);
  /// Jobs that somebody was told of, by handle.
  void acknowledged(std::string_view handle, JobMode mode);
  /// The server dies and another begins. Everybody's connection must be cut before.
  void restart_server();
  /// Other limits hold from now on.
  void change(const EngineSettings& settings);
  /// The server may have forgotten uniques of relays that it was to recognise.
  [[nodiscard]] bool may_double_rows() const { return may_double_rows_; }
  /// After calm() nothing is lost or late any more, and peers make no more trouble.
  void calm();
  [[nodiscard]] bool is_calm() const { return is_calm_; }
  /// No job is left, none was lost, nobody is left waiting.
  void reckon() const;
  void say(const std::string& what) const;

  [[nodiscard]] const Model& model() const { return server.engine().model(); }
  [[nodiscard]] std::uint64_t new_number() { return ++numbers_; }

  Dice dice;
  Timeline timeline;
  Weather weather;
  VirtualServer server;

 private:
  void watch_time();
  void let_store_work();
  void let_store_read();

  bool is_verbose_;
  bool is_calm_ = false;
  bool may_double_rows_;
  milliseconds tick_lateness_;
  std::optional<Instant> tick_at_;
  std::uint64_t numbers_ = 0;
  std::uint64_t life_ = 0;  ///< of the server
  std::map<ConnId, std::shared_ptr<Link>> links_;
  std::map<std::string, JobMode> acknowledged_;
};

/// Somebody at the other end of links.
class Peer {
 public:
  explicit Peer(World& world) : world_(world) {}
  virtual ~Peer() = default;
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  /// The world has become calm: ends what it has begun.
  virtual void calm() = 0;
  /// Nothing is owed to it, and it owes nothing.
  [[nodiscard]] virtual bool is_done() const = 0;
  /// What it is about, for messages.
  [[nodiscard]] virtual std::string state() const = 0;
  /// Its connection breaks, for no reason of its own.
  virtual void lose_connection() = 0;

 protected:
  World& world_;
};

}  // namespace gman::sim
