// SPDX-License-Identifier: BSD-3-Clause
// Server: the one thread of gmand. Asio runs signals, the timer and the wait for sockets; every
// turn of the sockets goes through the switchboard to the engine and back.
//
// SIGHUP reads the configuration again. A broken one leaves everything as it was.
//
// It serves, then maybe finishes its queue (SIGUSR1, `shutdown graceful`) or drains (SIGTERM,
// SIGINT, `shutdown`), then has ended. There is no way back.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/log.hpp"
#include "server/config.hpp"
#include "server/engine/engine.hpp"
#include "server/net/epoll.hpp"
#include "server/net/gate.hpp"
#include "server/net/log_file.hpp"
#include "server/net/service_manager.hpp"
#include "server/net/switchboard.hpp"
#include "server/net/syslog.hpp"

namespace gman {

/// What the server asks of the process around it.
struct ServerHooks {
  /// The configuration as it is now on the command line and in the file.
  std::function<std::variant<ServerConfig, CommandLineEnd>()> read_config;
  /// Clients can connect, and signals are obeyed.
  std::function<void()> ready;
};

class Server {
 public:
  /// Accepts from now on; serves once it runs.
  /// `store` is nullptr where nothing is stored; `engine` has all of its jobs.
  Server(ServerConfig config, EngineSettings settings, Engine& engine,
         std::unique_ptr<StoreWriter> store, std::vector<Listener> listeners, Log& log,
         LogFile& log_file, ServiceManager& manager, ServerHooks hooks);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Until a signal or an admin ends it.
  void run();

 private:
  enum class Phase : std::uint8_t { serving, finishing_queue, draining, ended };

  void wait_for_sockets();
  void wait_for_signals();
  void run_turns();
  /// How many sockets were ready.
  [[nodiscard]] std::size_t turn();
  void timer_fired();
  void finish_turn();
  void arm_timer();

  void signal_came(int number);
  void reload();
  void open_log(const ServerConfig& config);
  void use(const ServerConfig& config);
  void announce();
  void finish_queue();
  void drain();
  void end_if_idle();
  void end();

  ServerConfig config_;
  EngineSettings engine_settings_;
  Engine& engine_;
  Log& log_;
  LogFile& log_file_;
  ServiceManager& manager_;
  ServerHooks hooks_;
  std::unique_ptr<Syslog> syslog_;

  Epoll epoll_;
  std::unique_ptr<StoreWriter> store_;
  Switchboard switchboard_;
  Gate gate_;

  boost::asio::io_context io_{1};
  boost::asio::posix::stream_descriptor sockets_{io_};
  boost::asio::signal_set signals_{io_};
  boost::asio::steady_timer timer_{io_};
  std::optional<Instant> armed_for_;

  Phase phase_ = Phase::serving;
  Instant drain_until_{};
  Now now_{};
  std::uint64_t closed_before_ = 0;
  std::optional<Instant> alive_at_;  ///< when the service manager expects to hear of us
};

}  // namespace gman
