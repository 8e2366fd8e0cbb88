// SPDX-License-Identifier: BSD-3-Clause
// What becomes of a failure: the policy that the administrator, the session or one call chooses.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace gman::udf {

enum class OnError : std::uint8_t {
  error,    ///< the statement fails
  warning,  ///< NULL, and a line in SHOW WARNINGS
  null,     ///< NULL; gman_last_error() alone knows
};

/// Nothing for any other name.
[[nodiscard]] constexpr std::optional<OnError> on_error_named(std::string_view name) {
  if (name == "error") return OnError::error;
  if (name == "warning") return OnError::warning;
  if (name == "null") return OnError::null;
  return std::nullopt;
}

}  // namespace gman::udf
