// SPDX-License-Identifier: BSD-3-Clause
// MysqlStore: jobs in tables gmand_… of a MySQL or MariaDB database. A commit is one transaction of
// a few statements, each of many rows.
//
// One server has it: its session holds a lock of GET_LOCK. What a lock cannot promise, a fence
// does: each session of each server has a greater number than all before, which it writes to the
// row gmand_store, and each commit requires under a lock on that row that the number is still its
// own. So neither a server that was cut off nor a session that lingers, our own included, changes
// anything once another has begun.
//
// A commit is as durable as the server makes one: innodb_flush_log_at_trx_commit is a setting of
// the whole server, and to be 1.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/store/store.hpp"

namespace gman {

class MysqlStore : public Store {
 public:
  /// mysql://user:password@host:port/database, or mysql://user@localhost/database?socket=/path
  [[nodiscard]] static OpenedStore open(std::string_view url);
  ~MysqlStore() override;

  [[nodiscard]] std::string name() const override;
  [[nodiscard]] std::variant<std::vector<StoreStart>, StoreFault> begin(
      std::string_view handle_prefix) override;
  [[nodiscard]] std::uint64_t jobs_about() override;
  [[nodiscard]] std::optional<StoreFault> load(const Take& take,
                                               const SetAside& set_aside) override;
  /// Connects again when the connection was lost. Once another server has begun, it is refused.
  [[nodiscard]] std::optional<StoreFault> commit(const JobChanges& changes) override;

 private:
  class Session;
  explicit MysqlStore(std::unique_ptr<Session> session);
  std::unique_ptr<Session> session_;
};

}  // namespace gman
