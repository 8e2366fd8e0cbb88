// SPDX-License-Identifier: BSD-3-Clause
// Where a Redis server is, as a URL says it:
//
//   redis://[[user]:password@]host[:port][/database]
//   redis+unix://[[user]:password@]/path/to/socket[?db=database]
//
// User and password may have any byte, as %XX. An IPv6 address stands in brackets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace gman::redis {

struct Address {
  std::string host;  ///< empty: it is a socket
  std::uint16_t port = 6379;
  std::string socket;
  std::string user, password;  ///< empty: none
  std::uint32_t database = 0;

  /// As a URL, without user and password.
  [[nodiscard]] std::string name() const;
};

/// What is wrong with it otherwise; the text repeats nothing that could be a password.
[[nodiscard]] std::variant<Address, std::string> parse_address(std::string_view url);

}  // namespace gman::redis
