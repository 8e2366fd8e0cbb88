// SPDX-License-Identifier: BSD-3-Clause
#include "relay/asio/stats.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

#include "db/connection.hpp"
#include "relay/asio/config.hpp"

namespace gman::relay {
namespace {

constexpr const char* stats_sql =
    "SELECT function_name, due, scheduled, retrying, leased, dead, oldest_due_seconds,"
    " CASE WHEN is_paused THEN 'paused' ELSE '' END FROM gman.outbox_stats ORDER BY function_name";
constexpr std::array<std::string_view, 8> headings{"function", "due",  "scheduled", "retrying",
                                                   "leased",   "dead", "oldest, s", ""};

// Columns as wide as their widest cell, numbers to the right.
void print_table(const std::vector<std::array<std::string, headings.size()>>& lines) {
  std::array<std::size_t, headings.size()> widths{};
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  for (const auto& line : lines) {
    std::string text;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string padding(widths[i] - line[i].size(), ' ');
      const bool is_number = i > 0 && i + 1 < line.size();
      text += "  ";
      text += is_number ? padding + line[i] : line[i] + padding;
    }
    text.erase(text.find_last_not_of(' ') + 1);
    std::printf("%s\n", text.c_str());
  }
}

}  // namespace

int print_stats(const std::vector<std::string>& urls) {
  int exit_status = 0;
  for (const std::string& url : urls) {
    auto connection = db::connect(url);
    auto rows =
        connection ? (*connection)->execute(stats_sql) : db::Result<db::Rows>(connection.error());
    const std::string name = without_password(url);
    if (!rows) {
      std::fprintf(stderr, "gman-relay: %s: %s\n", name.c_str(), rows.error().message.c_str());
      exit_status = 1;
      continue;
    }
    std::printf("%s\n", name.c_str());
    std::vector<std::array<std::string, headings.size()>> lines(1);
    std::ranges::copy(headings, lines[0].begin());
    for (std::size_t row = 0; row < rows->size(); ++row) {
      auto& line = lines.emplace_back();
      for (std::size_t column = 0; column < line.size(); ++column) {
        line[column] = rows->at(row, column).value_or("");
      }
    }
    if (rows->size() == 0) {
      std::printf("  the outbox is empty\n");
    } else {
      print_table(lines);
    }
  }
  return exit_status;
}

}  // namespace gman::relay
