// SPDX-License-Identifier: BSD-3-Clause
// What a run came to, as a table, as JSON, or as the line that is shown while it goes on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cli/load/plan.hpp"
#include "cli/table.hpp"

namespace gman::cli::load {

struct Report {
  const Plan& plan;
  const Outcome& outcome;
  std::string_view server;
  std::uint64_t drained = 0;
};

[[nodiscard]] Table table_of(const Report& report);
/// One object, on one line.
[[nodiscard]] std::string json_of(const Report& report);
[[nodiscard]] std::string live_line(const Plan& plan, const Outcome& outcome);

}  // namespace gman::cli::load
