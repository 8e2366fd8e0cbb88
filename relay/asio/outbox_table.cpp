// SPDX-License-Identifier: BSD-3-Clause
#include "relay/asio/outbox_table.hpp"

#include <utility>

#include "base/assert.hpp"

namespace gman::relay {
namespace {

template <class Answer, class T>
Answer answer_of(db::Result<T> result) {
  if (result) return *std::move(result);
  const db::Error& error = result.error();
  return OutboxFailure{error.message +
                       (error.sqlstate.empty() ? "" : " (SQLSTATE " + error.sqlstate + ")")};
}

}  // namespace

LeaseAnswer OutboxTable::answer(const LeaseRequest& request) {
  struct Answer {
    OutboxTable& table;
    LeaseAnswer operator()(const Open&) const { return answer_of<LeaseAnswer>(table.open()); }
    LeaseAnswer operator()(const Look&) const { return answer_of<LeaseAnswer>(table.look()); }
    LeaseAnswer operator()(const Lease& lease) const {
      return answer_of<LeaseAnswer>(table.lease(lease));
    }
  };
  return std::visit(Answer{*this}, request);
}

SettleAnswer OutboxTable::settle(const SettleRequest& request) {
  struct Statement {
    OutboxTable& table;
    auto operator()(const Delete& rows) const { return table.remove(rows); }
    auto operator()(const Return& rows) const { return table.give_back(rows); }
    auto operator()(const Renew& rows) const { return table.renew(rows); }
    auto operator()(const ForgetDead& dead) const { return table.forget_dead(dead); }
  };
  return answer_of<SettleAnswer>(std::visit(Statement{*this}, request));
}

db::Result<std::unique_ptr<OutboxTable>> open_outbox(const std::string& url,
                                                     const std::string& relay) {
  auto connection = db::connect(url);
  if (!connection) return connection.error();
  switch ((*connection)->dialect()) {
    case db::Dialect::postgres: return postgres_outbox(*std::move(connection), relay);
    case db::Dialect::mysql: return mysql_outbox(*std::move(connection), relay);
  }
  GMAN_ASSERT(false);
}

}  // namespace gman::relay
