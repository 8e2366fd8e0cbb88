// SPDX-License-Identifier: BSD-3-Clause
// OutboxThread: one database on a thread of its own, so that a call that blocks holds up nobody else.
//
// It takes one request at a time and answers it; between two it sleeps until there is another, or
// until the database announces rows. docs/adr/0007-relay-threads.md says why it is a thread.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "relay/core/outbox.hpp"

namespace gman::relay {

class OutboxThread {
 public:
  /// What it says goes through these, which are called on its thread.
  struct Listener {
    std::function<void(OutboxAnswer)> answered;
    std::function<void()> notified;
  };

  OutboxThread(std::string url, std::string relay, Listener listener);
  OutboxThread(const OutboxThread&) = delete;
  OutboxThread& operator=(const OutboxThread&) = delete;
  /// Waits for the request that is being done.
  ~OutboxThread();

  // Requires: the request before was answered.
  void ask(OutboxRequest request);

 private:
  void run();
  [[nodiscard]] std::optional<OutboxRequest> next(int notification_fd, bool& is_notified);

  std::string url_;
  std::string relay_;
  Listener listener_;
  int wake_fd_;
  std::mutex mutex_;
  std::optional<OutboxRequest> request_;  // behind mutex_
  bool is_ending_ = false;                // behind mutex_
  std::thread thread_;                    // last: it uses the others
};

}  // namespace gman::relay
