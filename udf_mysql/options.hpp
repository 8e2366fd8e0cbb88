// SPDX-License-Identifier: BSD-3-Clause
// The options of gman_do_json(): one JSON object, whose keys docs/MYSQL.md lists.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <gman/gman.h>

#include "udf_mysql/on_error.hpp"

namespace gman::udf {

struct JobOptions {
  std::string unique;
  gman_unique_mode unique_mode = GMAN_UNIQUE_ALIVE;
  gman_priority priority = GMAN_PRIORITY_NORMAL;
  bool background = false;
  /// 0: now.
  std::int64_t run_at_ms = 0;
  /// 0: the session's.
  std::int32_t deadline_ms = 0;
  /// Nothing: the session's.
  std::optional<OnError> on_error;
};

/// Throws SqlError, which names the key that is unknown or wrong.
[[nodiscard]] JobOptions parse_options(std::string_view json);

}  // namespace gman::udf
