// SPDX-License-Identifier: BSD-3-Clause
// Driver: does what the Relay says. One loop has the job servers, the timer and the signals; each
// database has two threads (outbox_thread.hpp, settling_thread.hpp), whose answers come to it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "client/asio/connect.hpp"
#include "relay/asio/config.hpp"
#include "relay/asio/outbox_thread.hpp"
#include "relay/asio/settling_thread.hpp"
#include "relay/core/relay.hpp"

namespace gman::relay {

class Driver {
 public:
  Driver(const Config& config, Log& log);
  /// Until it was told to stop, or all is shipped. The program's exit status.
  [[nodiscard]] int run();

 private:
  /// One connection, as long as it lasts.
  struct Session {
    explicit Session(StreamSocket with) : socket(std::move(with)) {}
    StreamSocket socket;
    std::string writing;
    bool is_writing = false;
    bool is_closed = false;
  };
  struct Server {
    ServerAddress address;
    std::shared_ptr<Session> session;
    std::string last_reason;
  };
  struct Outbox {
    std::string name;
    // Why it failed and why settling did: they often fail together, and then for one reason.
    std::string last_reason;
    std::string last_settling_reason;
    std::unique_ptr<OutboxThread> thread;
    std::unique_ptr<SettlingThread> settling;
  };

  void step();
  void obey(Connect effect);
  void obey(Disconnect effect);
  void obey(Ask effect);
  void obey(Settle effect);
  void obey(const Event& event);
  boost::asio::awaitable<void> serve(std::size_t server);
  void write(std::size_t server);
  void write_more(std::size_t server, const std::shared_ptr<Session>& session, std::size_t from);
  void wait_for_signal();
  void arm_timer();
  void log_counters();

  Log& log_;
  boost::asio::io_context io_{1};
  boost::asio::steady_timer timer_{io_};
  std::optional<Instant> timer_at_;
  boost::asio::signal_set signals_{io_};
  Relay relay_;
  std::vector<Server> servers_;
  std::vector<Outbox> outboxes_;
  bool is_told_to_stop_ = false;
  bool is_aborted_ = false;
};

}  // namespace gman::relay
