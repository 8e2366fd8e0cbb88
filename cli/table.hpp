// SPDX-License-Identifier: BSD-3-Clause
// Rows for people (aligned, coloured on a terminal) or for programs (tab-separated).
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace gman::cli {

enum class Align : std::uint8_t { left, right };

struct Column {
  std::string title;
  Align align = Align::left;
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// Requires: one cell for each column. An alarming row is red where there is colour.
  void add(std::vector<std::string> cells, bool is_alarming = false);
  [[nodiscard]] bool is_empty() const { return rows_.empty(); }

  /// Aligned, under its titles.
  [[nodiscard]] std::string for_people(bool in_colour) const;
  /// Without titles. Cells hold no tab or line end: they were made printable.
  [[nodiscard]] std::string for_programs() const;

 private:
  struct Row {
    std::vector<std::string> cells;
    bool is_alarming;
  };
  std::vector<Column> columns_;
  std::vector<Row> rows_;
};

}  // namespace gman::cli
