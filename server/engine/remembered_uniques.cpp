// SPDX-License-Identifier: BSD-3-Clause
#include "server/engine/remembered_uniques.hpp"

#include <charconv>
#include <system_error>

namespace gman::engine {
namespace {

constexpr std::size_t uuid_bytes = 36;

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return std::nullopt;
}

}  // namespace

std::optional<OutboxRow> outbox_row_of(std::string_view unique) {
  if (unique.size() < uuid_bytes + 2 || unique[uuid_bytes] != ':') return std::nullopt;
  OutboxRow name;
  std::size_t digits = 0;
  for (std::size_t i = 0; i < uuid_bytes; ++i) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (unique[i] != '-') return std::nullopt;
      continue;
    }
    const auto digit = hex_digit(unique[i]);
    if (!digit) return std::nullopt;
    std::uint64_t& half = digits++ < 16 ? name.uuid_high : name.uuid_low;
    half = half << 4 | *digit;
  }
  const std::string_view row = unique.substr(uuid_bytes + 1);
  const auto [end, failed] = std::from_chars(row.data(), row.data() + row.size(), name.row);
  // "01" is not another way to write "1".
  if (failed != std::errc{} || end != row.data() + row.size() || row[0] == '0') return std::nullopt;
  return name;
}

void RememberedUniques::remember(std::string_view unique, Instant now) {
  if (!is_on()) return;
  const auto row = outbox_row_of(unique);
  if (!row) return;
  forget_old(now, count_max_);
  Table& table = table_of(*row);
  if (table.contains(*row)) return;
  forget_old(now, count_max_ - 1);
  table.insert(*row);
  ended_.push_back({*row, now});
}

bool RememberedUniques::knows(std::string_view unique, Instant now) {
  forget_old(now, count_max_);
  const auto row = outbox_row_of(unique);
  return row && table_of(*row).contains(*row);
}

void RememberedUniques::forget_old(Instant now, std::size_t count_max) {
  while (!ended_.empty() && (ended_.size() > count_max || now - ended_.front().at >= window_)) {
    Table& table = table_of(ended_.front().row);
    table.erase(ended_.front().row);
    if (table.empty()) table = Table();  // gives its memory back
    ended_.pop_front();
  }
}

std::size_t RememberedUniques::Hash::operator()(const OutboxRow& row) const {
  constexpr std::uint64_t golden = 0x9e3779b97f4a7c15;
  std::uint64_t hash = (row.uuid_high ^ row.uuid_low ^ row.row) * golden;
  hash ^= hash >> 32;
  return hash * golden;
}

}  // namespace gman::engine
