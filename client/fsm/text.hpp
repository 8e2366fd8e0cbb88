// SPDX-License-Identifier: BSD-3-Clause
// Bytes from elsewhere (function names, exceptions, error texts) made fit for a message of ours.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gman {

/// The bytes as one line of valid UTF-8: control characters, line separators and what is not UTF-8
/// become escapes such as \n and \x1b. Input beyond `bytes_max` is cut, between characters, and
/// "..." says so.
[[nodiscard]] std::string printable(std::string_view bytes, std::size_t bytes_max);

}  // namespace gman
