// SPDX-License-Identifier: BSD-3-Clause
// A job server that does exactly what a test tells it to, over a Unix socket of its own.
//
// Blocking, with a bounded deadline for everything that it waits for; what does not come in time
// is a std::runtime_error, which fails the test.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/packet.hpp"

namespace gman::test {

/// One worker's connection, seen from the server.
class Accepted {
 public:
  explicit Accepted(int fd) : fd_(fd) {}
  ~Accepted();
  Accepted(Accepted&& other) noexcept : fd_(other.fd_), buffer_(std::move(other.buffer_)) {
    other.fd_ = -1;
  }
  Accepted(const Accepted&) = delete;
  Accepted& operator=(const Accepted&) = delete;
  Accepted& operator=(Accepted&&) = delete;

  void send(PacketType type, std::initializer_list<std::string_view> args = {});
  void send_bytes(std::string_view bytes);
  /// The next packet as "WORK_COMPLETE H:1 olleH"; "closed" when the worker has left.
  std::string receive();
  /// The bytes that one read(2) brings.
  std::string receive_some();
  void close();

 private:
  bool fill();
  int fd_;
  std::string buffer_;
};

class ScriptedServer {
 public:
  ScriptedServer();
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  /// As in a server list: "unix:/tmp/…".
  [[nodiscard]] std::string address() const { return "unix:" + path_.string(); }
  Accepted accept();
  /// Nobody listens until listen() is called again.
  void stop_listening();
  void listen();

 private:
  std::filesystem::path directory_;
  std::filesystem::path path_;
  int fd_ = -1;
};

}  // namespace gman::test
