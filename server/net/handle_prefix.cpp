// SPDX-License-Identifier: BSD-3-Clause
#include "server/net/handle_prefix.hpp"

#include <array>
#include <charconv>

namespace gman {

std::string with_start(std::string_view prefix, WallTime start) {
  const auto since_1970 = std::chrono::duration_cast<milliseconds>(start.time_since_epoch());
  std::array<char, 16> digits{};
  char* const end =
      std::to_chars(digits.data(), digits.data() + digits.size(), since_1970.count(), 36).ptr;
  return std::string(prefix).append(":").append(digits.data(), end);
}

std::string handle_prefix(std::string_view host, WallTime start) {
  constexpr std::size_t host_bytes_max = 24;
  std::string prefix = "H:";
  // Handles are words of the admin protocol and end at a NUL: no blanks, no control characters.
  for (const char c : host.substr(0, host_bytes_max)) {
    prefix += static_cast<unsigned char>(c) > 0x20 && c != 0x7f ? c : '_';
  }
  return with_start(prefix, start);
}

}  // namespace gman
