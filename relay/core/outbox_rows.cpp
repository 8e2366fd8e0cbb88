// SPDX-License-Identifier: BSD-3-Clause
#include "relay/core/outbox_rows.hpp"

namespace gman::relay {
namespace {

// Bytes that are no UTF-8 are the caller's fault, and the database's to refuse.
std::string json_string(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      quoted.append("\\u00") += digits[byte >> 4];
      quoted += digits[byte & 0xf];
      continue;
    }
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted += '"';
}

}  // namespace

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

std::string json_of(const std::vector<Returned>& rows) {
  std::string list = "[";
  for (const Returned& row : rows) {
    if (list.size() > 1) list += ',';
    list += "{\"id\":" + std::to_string(row.id) + ",\"attempts\":" + std::to_string(row.attempts) +
            ",\"dead\":" + (row.is_dead ? "1" : "0") + ",\"unsent\":" + (row.was_sent ? "0" : "1") +
            ",\"delay_ms\":" + std::to_string(row.delay.count());
    if (!row.error.empty()) list += ",\"error\":" + json_string(row.error);
    list += '}';
  }
  return list += ']';
}

}  // namespace gman::relay
