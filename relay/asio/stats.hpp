// SPDX-License-Identifier: BSD-3-Clause
// gman-relay --stats: what the outboxes hold, for people.
#pragma once

#include <string>
#include <vector>

namespace gman::relay {

/// Prints a table for each outbox. The program's exit status: 1 when one could not be asked.
[[nodiscard]] int print_stats(const std::vector<std::string>& urls);

}  // namespace gman::relay
