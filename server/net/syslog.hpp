// SPDX-License-Identifier: BSD-3-Clause
// Syslog: log lines to the machine's syslog, over its Unix datagram socket.
//
// Not syslog(3), which waits while nobody reads: the loop of the server must not. What cannot be
// sent at once is lost, and the next line that can be sent says how many were.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/log.hpp"
#include "base/result.hpp"
#include "server/net/unique_fd.hpp"

namespace gman {

class Syslog final : public LogSink {
 public:
  /// Lines go to the socket at `path`, as soon as there is one.
  explicit Syslog(std::string path) : path_(std::move(path)) {}

  /// What would happen to a line that was sent now.
  [[nodiscard]] Result<void> connect();
  void write(LogLevel level, std::string_view line) override;

  /// Of the facility `daemon`: 27 for an error, 28 for a warning, 30 and 31 for the rest.
  [[nodiscard]] static int priority_of(LogLevel level);

 private:
  [[nodiscard]] bool send(int priority, std::string_view line);

  std::string path_;
  UniqueFd socket_;
  std::uint64_t lost_ = 0;
};

}  // namespace gman
