// SPDX-License-Identifier: BSD-3-Clause
// RowClient: rows of an outbox, each of which is to be one job, and the relay's own conversation
// with the server (relay/core). Whenever nobody knows what came of a job, it is sent again.
//
// When a row is delivered, the jobs that were made for it are looked at: there is a second one only
// where docs/DELIVERY.md allows it. This asks for what the window of remembered uniques promises
// without saying how long a window is: it holds where the server is never started again, and
// forgets nothing within the history.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "relay/core/server_link.hpp"
#include "tests/sim/world.hpp"

namespace gman::sim {

class RowClient final : public Peer {
 public:
  /// `number` makes it another database than the others.
  RowClient(World& world, std::uint64_t number);

  /// Some rows are committed.
  void add_rows();

  void calm() override {}
  [[nodiscard]] bool is_done() const override { return rows_.empty(); }
  [[nodiscard]] std::string state() const override;
  void lose_connection() override;

 private:
  struct Row {
    std::string function;
    std::string unique;
    std::string workload;
    JobMode mode;
    bool is_sent;
  };

  void connect();
  void lost();
  void receive(std::string_view bytes);
  void send_rows();
  void flush();
  void settle(const std::vector<relay::Outcome>& outcomes);
  void send_again_later();
  void check_jobs_of(const Row& row) const;
  [[nodiscard]] bool may_be_run_again(const std::string& handle, JobMode mode) const;

  const std::string uuid_;
  relay::ServerLink talk_{{}};
  std::shared_ptr<Link> link_;
  bool is_waiting_ = false;  // before it sends again
  std::uint64_t rows_made_ = 0;
  std::map<relay::Ticket, Row> rows_;  // that are left
};

}  // namespace gman::sim
