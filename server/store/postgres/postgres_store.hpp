// SPDX-License-Identifier: BSD-3-Clause
// PostgresStore: jobs in the schema `gmand` of a PostgreSQL database. A commit is one transaction,
// sent as one pipeline; its rows travel as binary arrays, so that a thousand are one statement.
//
// One server has it: its session holds an advisory lock. What a lock cannot promise, a fence does:
// each session of each server has a greater number than all before, which it writes to the row
// gmand.store, and each commit requires under a lock on that row that the number is still its own.
// So neither a server that was cut off nor a session that lingers, our own included, changes
// anything once another has begun.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/store/store.hpp"

namespace gman {

class PostgresStore : public Store {
 public:
  /// `url` is what libpq takes: postgresql://user:password@host:port/database?option=value
  [[nodiscard]] static OpenedStore open(std::string url);
  ~PostgresStore() override;

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
  explicit PostgresStore(std::unique_ptr<Session> session);
  std::unique_ptr<Session> session_;
};

}  // namespace gman
