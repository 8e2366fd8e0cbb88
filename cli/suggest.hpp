// SPDX-License-Identifier: BSD-3-Clause
// Which word was meant by a mistyped one.
#pragma once

#include <span>
#include <string_view>

namespace gman::cli {

/// The nearest of `words`, or an empty view when none is near.
[[nodiscard]] std::string_view nearest(std::string_view typed,
                                       std::span<const std::string_view> words);

}  // namespace gman::cli
