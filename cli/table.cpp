// SPDX-License-Identifier: BSD-3-Clause
#include "cli/table.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"

namespace gman::cli {
namespace {

constexpr std::string_view gap = "  ";
constexpr std::string_view bold = "\x1b[1m";
constexpr std::string_view red = "\x1b[31m";
constexpr std::string_view plain = "\x1b[0m";

/// Characters, counted as UTF-8: cells are made printable before they come here.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace

void Table::add(std::vector<std::string> cells, bool is_alarming) {
  GMAN_ASSERT(cells.size() == columns_.size());
  rows_.push_back({std::move(cells), is_alarming});
}

std::string Table::for_people(bool in_colour) const {
  std::vector<std::size_t> widths;
  std::vector<std::string> titles;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = width_of(columns_[i].title);
    for (const Row& row : rows_) width = std::max(width, width_of(row.cells[i]));
    widths.push_back(width);
    titles.push_back(columns_[i].title);
  }
  std::string out;
  const auto append = [&](const std::vector<std::string>& cells, std::string_view colour) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string fill(widths[i] - width_of(cells[i]), ' ');
      if (i > 0) line += gap;
      line += columns_[i].align == Align::right ? fill + cells[i] : cells[i] + fill;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    if (in_colour && !colour.empty()) line = std::string(colour).append(line).append(plain);
    out += line + '\n';
  };
  append(titles, bold);
  for (const Row& row : rows_) append(row.cells, row.is_alarming ? red : std::string_view{});
  return out;
}

std::string Table::for_programs() const {
  std::string out;
  for (const Row& row : rows_) {
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      if (i > 0) out += '\t';
      out += row.cells[i];
    }
    out += '\n';
  }
  return out;
}

}  // namespace gman::cli
