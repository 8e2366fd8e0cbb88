// SPDX-License-Identifier: BSD-3-Clause
// A job server for tests: it listens on loopback or on a Unix socket and does what a function says
// to each connection, in a thread of its own. Every wait of it is bounded.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "client/blocking/epoll.hpp"
#include "protocol/request.hpp"
#include "protocol/response.hpp"

namespace gman::test {

/// One accepted connection, in the hands of the script.
class Peer {
 public:
  Peer(int fd, int number) : fd_(fd), number_(number) {}

  /// 1 for the first connection of the server.
  [[nodiscard]] int number() const { return number_; }

  /// The next request, or nullopt when the client closed or said nothing for ten seconds. Its views
  /// live until the next call.
  std::optional<Request> receive();
  /// The same without the OPTION_REQ, which is answered.
  std::optional<Request> receive_job();
  /// Whether the client says more in the next 50 ms, which is not taken yet.
  bool hears_more();
  /// The next admin line, without its end; nullopt as above. Only on a connection without packets.
  std::optional<std::string> receive_line();
  /// True once the client has closed; what it sends before is ignored.
  bool wait_for_close();

  void send(const Response& response);
  void send_bytes(std::string_view bytes);
  /// FIN after what was sent.
  void close() { ended_ = true; }
  /// RST instead of FIN.
  void reset();

  [[nodiscard]] bool ended() const { return ended_; }

 private:
  int fd_;
  int number_;
  bool ended_ = false;
  std::string in_;
  std::size_t consumed_ = 0;
};

/// A script: reverses workloads, acknowledges background jobs, echoes and tells that every job is
/// running (40 of 100, with 3 clients), for as long as the client asks.
void well_behaved(Peer& peer);

[[nodiscard]] std::string bytes_of(const Response& response);

class ScriptedServer {
 public:
  using Script = std::function<void(Peer&)>;

  /// On 127.0.0.1, at `port` (0: any free one).
  explicit ScriptedServer(Script script, std::uint16_t port = 0);
  /// On a Unix socket.
  ScriptedServer(Script script, const std::string& unix_path);
  /// Closes all connections and waits for the scripts.
  ~ScriptedServer();

  /// "127.0.0.1:PORT" or "unix:/path".
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] int accepted() const { return accepted_; }
  /// Returns when every script that was begun has ended.
  void wait_until_idle();

 private:
  void serve(UniqueFd listener);
  void accept_all();

  Script script_;
  std::string address_;
  std::uint16_t port_ = 0;
  UniqueFd listener_;
  UniqueFd stop_;
  std::atomic<int> accepted_{0};
  std::mutex mutex_;
  std::condition_variable closed_;
  std::vector<int> open_;             // guarded by mutex_
  std::vector<std::thread> scripts_;  // of accept_all's thread until it is joined
  std::thread thread_;
};

/// An address of 127.0.0.1 at which nobody listens.
[[nodiscard]] std::string dead_address();

}  // namespace gman::test
