// SPDX-License-Identifier: BSD-3-Clause
#include "relay/asio/outbox_table.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
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

const std::string& text_in(const db::Rows& rows, std::size_t row, std::size_t column) {
  const auto& cell = rows.at(row, column);
  GMAN_ASSERT(cell.has_value());
  return *cell;
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

std::string_view name_of(Delivery delivery) {
  switch (delivery) {
    case Delivery::queue: return "queue";
    case Delivery::completion: return "completion";
  }
  GMAN_ASSERT(false);
}

std::string_view name_of(Priority priority) {
  switch (priority) {
    case Priority::high: return "high";
    case Priority::normal: return "normal";
    case Priority::low: return "low";
  }
  GMAN_ASSERT(false);
}

std::uint64_t number_in(const db::Rows& rows, std::size_t row, std::size_t column) {
  const std::string& text = text_in(rows, row, column);
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  GMAN_ASSERT(failed == std::errc{} && end == text.data() + text.size());
  return number;
}

Looked looked_at(const db::Rows& rows) {
  Looked looked;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    DueGroup due;
    due.group.delivery =
        text_in(rows, i, 0) == name_of(Delivery::queue) ? Delivery::queue : Delivery::completion;
    due.group.function = text_in(rows, i, 1);
    for (const Priority priority : {Priority::high, Priority::normal, Priority::low}) {
      if (text_in(rows, i, 2) == name_of(priority)) due.group.priority = priority;
    }
    // MySQL takes the zero date where its mode allows it, and then says that no time is left: NULL.
    std::int64_t ms = 0;
    const std::string text = rows.at(i, 3).value_or("0");
    std::from_chars(text.data(), text.data() + text.size(), ms);
    due.due_in = milliseconds(ms);
    looked.groups.push_back(std::move(due));
  }
  return looked;
}

Leased leased_from(const db::Rows& rows) {
  Leased leased;
  leased.rows.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    leased.rows.push_back({.id = number_in(rows, i, 0),
                           .attempts = static_cast<std::uint32_t>(number_in(rows, i, 1)),
                           .function = text_in(rows, i, 2),
                           .unique_key = rows.at(i, 3),
                           .workload = text_in(rows, i, 4)});
  }
  std::ranges::sort(leased.rows, {}, &Row::id);
  return leased;
}

std::string json_of(const std::vector<Returned>& rows) {
  boost::json::array list;
  list.reserve(rows.size());
  for (const Returned& row : rows) {
    boost::json::object one;
    one["id"] = row.id;
    one["attempts"] = row.attempts;
    one["dead"] = row.is_dead ? 1 : 0;
    one["unsent"] = row.was_sent ? 0 : 1;
    one["delay_ms"] = row.delay.count();
    if (!row.error.empty()) one["error"] = row.error;
    list.push_back(std::move(one));
  }
  return boost::json::serialize(list);
}

}  // namespace gman::relay
