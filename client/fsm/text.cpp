// SPDX-License-Identifier: BSD-3-Clause
#include "client/fsm/text.hpp"

#include <cstdint>

namespace gman {
namespace {

struct Character {
  std::size_t bytes = 1;
  char32_t code = 0;
  bool is_valid = false;
};

// The first character of `in`, which is not empty. What is not UTF-8 is one invalid byte.
Character first_character(std::string_view in) {
  const auto lead = static_cast<unsigned char>(in[0]);
  if (lead < 0x80) return {1, lead, true};
  std::size_t bytes = 0;
  char32_t code = 0;
  char32_t least = 0;
  if ((lead & 0xe0) == 0xc0) {
    bytes = 2, code = lead & 0x1fu, least = 0x80;
  } else if ((lead & 0xf0) == 0xe0) {
    bytes = 3, code = lead & 0x0fu, least = 0x800;
  } else if ((lead & 0xf8) == 0xf0) {
    bytes = 4, code = lead & 0x07u, least = 0x10000;
  } else {
    return {};
  }
  if (in.size() < bytes) return {};
  for (std::size_t i = 1; i < bytes; ++i) {
    const auto next = static_cast<unsigned char>(in[i]);
    if ((next & 0xc0) != 0x80) return {};
    code = code << 6 | (next & 0x3fu);
  }
  const bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
  if (code < least || code > 0x10ffff || is_surrogate) return {};
  return {bytes, code, true};
}

bool is_safe(char32_t code) {
  if (code < 0x20 || code == 0x7f) return false;
  if (code >= 0x80 && code <= 0x9f) return false;
  const bool separates_lines = code == 0x2028 || code == 0x2029;
  const bool turns_direction =
      (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
  return !separates_lines && !turns_direction;
}

void append_escape(std::string& out, std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (const char byte : bytes) {
    switch (byte) {
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default: {
        const auto value = static_cast<unsigned char>(byte);
        out += "\\x";
        out += digits[value >> 4];
        out += digits[value & 0x0f];
      }
    }
  }
}

}  // namespace

std::string printable(std::string_view bytes, std::size_t bytes_max) {
  std::string out;
  std::size_t at = 0;
  while (at < bytes.size()) {
    const Character next = first_character(bytes.substr(at));
    if (at + next.bytes > bytes_max) return out += "...";
    const std::string_view text = bytes.substr(at, next.bytes);
    if (next.is_valid && is_safe(next.code)) {
      out += text;
    } else {
      append_escape(out, text);
    }
    at += next.bytes;
  }
  return out;
}

}  // namespace gman
