// SPDX-License-Identifier: BSD-3-Clause
// OutboxThread: one database on a thread of its own, so that a call that blocks holds up nobody
// else. It looks and leases; what became of the rows is settling_thread.hpp's.
//
// It takes one request at a time and answers it. After a look that found nothing it goes on looking
// by itself: an idle outbox costs the loop nothing. docs/adr/0007-relay-threads.md says why it is a
// thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "relay/asio/outbox_table.hpp"
#include "relay/asio/request_box.hpp"
#include "relay/core/outbox.hpp"
#include "relay/core/watch.hpp"

namespace gman::relay {

class OutboxThread {
 public:
  /// What it says goes through these, which are called on its thread.
  struct Listener {
    std::function<void(LeaseAnswer)> answered;
    std::function<void(LeaseAnswer)> noticed;
  };

  OutboxThread(std::string url, std::string relay, Listener listener);
  OutboxThread(const OutboxThread&) = delete;
  OutboxThread& operator=(const OutboxThread&) = delete;
  /// Waits for the request that is being done.
  ~OutboxThread();

  // Requires: the request before was answered.
  void ask(LeaseRequest request) { box_.put(std::move(request)); }

 private:
  void run();
  [[nodiscard]] std::optional<LeaseRequest> next();
  [[nodiscard]] LeaseAnswer answer(const LeaseRequest& request);
  void watch();

  std::string url_;
  std::string relay_;
  Listener listener_;
  std::unique_ptr<OutboxTable> table_;  // the thread's, as watch_
  std::optional<Watch> watch_;
  RequestBox<LeaseRequest> box_;
  std::thread thread_;  // last: it uses the others
};

}  // namespace gman::relay
