// SPDX-License-Identifier: BSD-3-Clause
// Bytes of a page -> UTF-8. Nothing in a page is fatal: bytes that mean nothing become U+FFFD.
#pragma once

#include <string>
#include <string_view>

namespace gman::narada {

/// `content_type` is the header's value, or empty. What decides, in this order: a byte order mark,
/// the header, a <meta> within the first 1,024 bytes, being valid UTF-8, and else windows-1252.
[[nodiscard]] std::string to_utf8(std::string_view bytes, std::string_view content_type);

/// "utf-8" of "text/html; charset=UTF-8"; empty when there is none.
[[nodiscard]] std::string charset_of(std::string_view content_type);

/// Valid UTF-8 without NUL: sequences that are none become U+FFFD, as browsers do it.
[[nodiscard]] std::string valid_utf8(std::string_view bytes);

/// The longest prefix of at most `bytes_max` bytes that does not end inside a character.
/// Requires: valid UTF-8.
[[nodiscard]] std::string_view utf8_prefix(std::string_view text, std::size_t bytes_max);

}  // namespace gman::narada
