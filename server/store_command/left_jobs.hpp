// SPDX-License-Identifier: BSD-3-Clause
// Whether gearmand has left jobs where a server begins that was given gearmand's own options. They
// are not taken over by a start: gearmand may still be running on them, and an operator who goes
// back to it would have them done twice. So the start says that they are there, and how to have
// them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "server/store/store.hpp"

namespace gman {

struct LeftJobs {
  std::string queue;   ///< no password
  std::uint64_t jobs;  ///< rows of it
  /// When they were imported, in words; empty: never, or not to the end.
  std::string imported;
  /// For a shell, with the word PASSWORD for each password.
  std::string import_command;
};

/// nullopt: there are none. `store` has begun, and `store_url` is its.
[[nodiscard]] std::variant<std::optional<LeftJobs>, StoreFault> find_left_jobs(
    Store& store, const std::string& store_url, const std::string& from, const std::string& table);

}  // namespace gman
