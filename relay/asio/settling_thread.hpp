// SPDX-License-Identifier: BSD-3-Clause
// SettlingThread: what became of leased rows is written into their database on a thread and a
// connection of its own, while others are being leased (outbox_thread.hpp).
//
// The connection is made for the first request and ends when there was none for a while, so a relay
// at rest has only the one that looks. docs/adr/0007-relay-threads.md says more.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "relay/asio/outbox_table.hpp"
#include "relay/asio/request_box.hpp"
#include "relay/core/outbox.hpp"

namespace gman::relay {

/// What is to be settled, and in which database.
struct Settlement {
  SettleRequest request;
  std::string database_uuid;
};

class SettlingThread {
 public:
  /// `answered` is called on its thread.
  SettlingThread(std::string url, std::string relay, std::function<void(SettleAnswer)> answered);
  SettlingThread(const SettlingThread&) = delete;
  SettlingThread& operator=(const SettlingThread&) = delete;
  /// Waits for the request that is being done.
  ~SettlingThread();

  // Requires: the request before was answered.
  void ask(Settlement settlement) { box_.put(std::move(settlement)); }

 private:
  void run();
  [[nodiscard]] SettleAnswer answer(const Settlement& settlement);
  [[nodiscard]] SettleAnswer answer_anew(const Settlement& settlement);

  std::string url_;
  std::string relay_;
  std::function<void(SettleAnswer)> answered_;
  std::unique_ptr<OutboxTable> table_;  // the thread's, as the next
  std::string table_uuid_;
  RequestBox<Settlement> box_;
  std::thread thread_;  // last: it uses the others
};

}  // namespace gman::relay
