// SPDX-License-Identifier: BSD-3-Clause
// Rows of an outbox's table: what statements bring and take, as values. The same for each database
// and for each way to run a statement: `Rows` has size() and at(row, column), an optional text.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.hpp"
#include "relay/core/outbox.hpp"

namespace gman::relay {

/// As the tables write them.
[[nodiscard]] std::string_view name_of(Delivery delivery);
[[nodiscard]] std::string_view name_of(Priority priority);

/// A list of objects with id, attempts, dead, unsent, delay_ms, error (or none).
[[nodiscard]] std::string json_of(const std::vector<Returned>& rows);

template <class Rows>
[[nodiscard]] const std::string& text_in(const Rows& rows, std::size_t row, std::size_t column) {
  const auto& cell = rows.at(row, column);
  GMAN_ASSERT(cell.has_value());
  return *cell;
}

template <class Rows>
[[nodiscard]] std::uint64_t number_in(const Rows& rows, std::size_t row, std::size_t column) {
  const std::string& text = text_in(rows, row, column);
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  GMAN_ASSERT(failed == std::errc{} && end == text.data() + text.size());
  return number;
}

/// delivery, function_name, priority, milliseconds until the first is due.
template <class Rows>
[[nodiscard]] Looked looked_at(const Rows& rows) {
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

/// id, attempts, function_name, unique_key, workload; by ascending id. Their place is the caller's.
template <class Rows>
[[nodiscard]] Leased leased_from(const Rows& rows) {
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

}  // namespace gman::relay
