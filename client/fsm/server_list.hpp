// SPDX-License-Identifier: BSD-3-Clause
// The list of job servers as people write it: "host:port,host,[::1]:4731,unix:/run/gmand.sock".
//
// "host" alone means port 4730, "tcp://" in front of a host is allowed, an IPv6 address with a port
// stands in brackets. Blanks around an entry are dropped. Nothing is looked up here: a name that
// does not exist is a matter of connecting. The order is kept, since clients try servers in turn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace gman {

/// More is a mistake, such as a file pasted into a setting.
inline constexpr std::size_t servers_max = 64;
/// A DNS name without its final dot.
inline constexpr std::size_t host_bytes_max = 253;
/// What sockaddr_un holds beside its NUL.
inline constexpr std::size_t unix_path_bytes_max = 107;

struct TcpAddress {
  std::string host;  ///< a name or a numeric address, without brackets
  std::uint16_t port = 0;
  friend bool operator==(const TcpAddress&, const TcpAddress&) = default;
};

struct UnixAddress {
  std::string path;
  friend bool operator==(const UnixAddress&, const UnixAddress&) = default;
};

struct ServerAddress {
  std::string name;  ///< as the list names it, for messages
  std::variant<TcpAddress, UnixAddress> where;
  friend bool operator==(const ServerAddress&, const ServerAddress&) = default;
};

/// Names the entry and what is wrong with it, in one line.
struct ServerListError {
  std::string message;
};

/// An empty or blank text is an empty list; an empty entry among others is an error.
[[nodiscard]] std::variant<std::vector<ServerAddress>, ServerListError> parse_server_list(
    std::string_view text);

[[nodiscard]] std::vector<std::string> names_of(const std::vector<ServerAddress>& servers);

/// Why one list is no part of another: a server that it lacks, or what is wrong with either.
[[nodiscard]] std::optional<std::string> first_not_within(std::string_view list,
                                                          std::string_view allowed);

}  // namespace gman
