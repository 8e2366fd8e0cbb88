// SPDX-License-Identifier: BSD-3-Clause
// ServiceManager: what systemd, or whoever speaks as it does, is told of the server's life.
//
// The protocol is datagrams of lines to the Unix socket that NOTIFY_SOCKET names (sd_notify(3));
// docs/adr/0005-systemd-without-its-library.md says why it is spoken here. Without that variable
// nothing is told.
#pragma once

#include <string>
#include <string_view>

#include "base/time.hpp"

namespace gman {

class ServiceManager {
 public:
  /// Reads the environment and takes the variables from it.
  [[nodiscard]] static ServiceManager from_environment();

  /// It may take so much longer until ready().
  void starting(std::string_view status, milliseconds more) const;
  void ready(std::string_view status) const;
  /// Until the next ready().
  void reloading(Instant now) const;
  void stopping(std::string_view status) const;
  /// How often alive() is expected; 0: never.
  [[nodiscard]] milliseconds watchdog() const { return watchdog_; }
  void alive() const;

 private:
  void tell(std::string_view lines) const;

  std::string socket_;
  milliseconds watchdog_{0};
};

}  // namespace gman
