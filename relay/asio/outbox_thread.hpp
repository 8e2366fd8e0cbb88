// SPDX-License-Identifier: BSD-3-Clause
// OutboxThread: one database on a thread of its own, so that a call that blocks holds up nobody
// else.
//
// It takes one request at a time and answers it. After a look that found nothing it goes on looking
// by itself: an idle outbox costs the loop nothing. docs/adr/0007-relay-threads.md says why it is a
// thread.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "relay/asio/outbox_table.hpp"
#include "relay/core/outbox.hpp"

namespace gman::relay {

class OutboxThread {
 public:
  /// What it says goes through these, which are called on its thread.
  struct Listener {
    std::function<void(OutboxAnswer)> answered;
    std::function<void(OutboxAnswer)> noticed;
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
  [[nodiscard]] std::optional<OutboxRequest> next();
  [[nodiscard]] OutboxAnswer answer(const OutboxRequest& request);
  void watch();

  /// How it is being watched.
  struct Watch {
    Look look;
    milliseconds wait{0};
  };

  std::string url_;
  std::string relay_;
  Listener listener_;
  int wake_fd_;
  std::unique_ptr<OutboxTable> table_;  // the thread's, as watch_
  std::optional<Watch> watch_;
  std::mutex mutex_;
  std::optional<OutboxRequest> request_;  // behind mutex_
  bool is_ending_ = false;                // behind mutex_
  std::thread thread_;                    // last: it uses the others
};

}  // namespace gman::relay
