// SPDX-License-Identifier: BSD-3-Clause
// The outbox's SQL in PostgreSQL, as values: gman-relay runs it by libpq, and the extension's
// worker inside of the server by SPI. Each request is one statement, and so one transaction.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "relay/core/outbox.hpp"
#include "relay/core/outbox_rows.hpp"

namespace gman::relay {

/// Every parameter is a text, which the statement casts.
struct Statement {
  const char* sql;
  std::vector<std::string> parameters;
};

struct SessionSetting {
  const char* name;
  const char* value;
};
/// What a session of a relay is to have. A plan that was made while the table was small is used on
/// when it has ten million rows: so it is to be by the index from the beginning.
inline constexpr std::array postgres_session{
    SessionSetting{"enable_seqscan", "off"},
    SessionSetting{"enable_bitmapscan", "off"},
    SessionSetting{"jit", "off"},
    SessionSetting{"lock_timeout", "10s"},
    SessionSetting{"timezone", "UTC"},
};

/// database_uuid, and 1 where it notifies; one row.
[[nodiscard]] Statement statement_of(const Open& request);
/// What looked_at() reads.
[[nodiscard]] Statement statement_of(const Look& request);
/// `relay` is the uuid under which rows are leased.
[[nodiscard]] Statement statement_of(const Lease& request, const std::string& relay);
[[nodiscard]] Statement statement_of(const SettleRequest& request, const std::string& relay);

/// What the lease's statement has brought.
template <class Rows>
[[nodiscard]] Leased postgres_leased(const Rows& rows) {
  Leased leased = leased_from(rows);
  if (rows.size() > 0) leased.last = Place{text_in(rows, 0, 5), number_in(rows, 0, 6)};
  return leased;
}

}  // namespace gman::relay
