// SPDX-License-Identifier: BSD-3-Clause
#include "client/fsm/server_list.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "client/fsm/text.hpp"
#include "protocol/limits.hpp"

namespace gman {
namespace {

constexpr std::size_t quoted_entry_bytes_max = 120;

using Parsed = std::variant<ServerAddress, std::string>;  // the address, or the reason against it

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t start = text.find_first_not_of(blanks);
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(blanks) - start + 1);
}

bool is_ipv6_address(std::string_view host) {
  const std::string address{host.substr(0, host.find('%'))};  // without a zone such as %eth0
  in6_addr ignored{};
  return inet_pton(AF_INET6, address.c_str(), &ignored) == 1;
}

bool is_host_name(std::string_view host) {
  return std::ranges::all_of(host, [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '.' || c == '_';
  });
}

std::optional<std::uint16_t> port_of(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (fault != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

Parsed parse_unix(std::string_view entry, std::string_view path) {
  if (path.empty()) return "the path after \"unix:\" is missing";
  if (path.front() != '/') return "the path after \"unix:\" must begin with a slash";
  if (path.find('\0') != std::string_view::npos) return "the path contains a NUL byte";
  if (path.size() > unix_path_bytes_max) {
    return "the path of " + std::to_string(path.size()) + " bytes is above the limit of " +
           std::to_string(unix_path_bytes_max) + " bytes of a Unix socket";
  }
  return ServerAddress{std::string(entry), UnixAddress{std::string(path)}};
}

// `port` is nullopt where the entry names none, which is not the same as an empty one.
Parsed parse_tcp(std::string_view entry, std::string_view host,
                 std::optional<std::string_view> port) {
  if (host.empty()) return "the host is missing";
  if (host.size() > host_bytes_max) {
    return "the host of " + std::to_string(host.size()) + " bytes is above the limit of " +
           std::to_string(host_bytes_max) + " bytes";
  }
  if (!port) return ServerAddress{std::string(entry), TcpAddress{std::string(host), default_port}};
  const auto number = port_of(*port);
  if (!number) return "the port must be a number from 1 to 65535";
  return ServerAddress{std::string(entry), TcpAddress{std::string(host), *number}};
}

Parsed parse_bracketed(std::string_view entry, std::string_view text) {
  const std::size_t close = text.find(']');
  if (close == std::string_view::npos) return "the bracket is not closed";
  const std::string_view host = text.substr(1, close - 1);
  if (!is_ipv6_address(host)) return "only an IPv6 address may stand in brackets";
  const std::string_view rest = text.substr(close + 1);
  if (rest.empty()) return parse_tcp(entry, host, std::nullopt);
  if (rest.front() != ':') return "only a colon and a port may follow the bracket";
  return parse_tcp(entry, host, rest.substr(1));
}

Parsed parse_entry(std::string_view entry) {
  constexpr std::string_view unix_prefix = "unix:";
  constexpr std::string_view tcp_prefix = "tcp://";
  if (entry.starts_with(unix_prefix)) return parse_unix(entry, entry.substr(unix_prefix.size()));

  std::string_view text = entry;
  if (text.starts_with(tcp_prefix)) text.remove_prefix(tcp_prefix.size());
  if (text.starts_with('[')) return parse_bracketed(entry, text);
  if (is_ipv6_address(text)) return parse_tcp(entry, text, std::nullopt);

  const std::size_t colon = text.find(':');
  if (text.find("://") != std::string_view::npos) {
    return "only tcp:// and unix: may stand before an address";
  }
  if (colon != std::string_view::npos && text.find(':', colon + 1) != std::string_view::npos) {
    return "an IPv6 address with a port must stand in brackets";
  }
  const std::string_view host = text.substr(0, colon);
  if (!is_host_name(host)) return "the host has a character that no host name has";
  if (colon == std::string_view::npos) return parse_tcp(entry, host, std::nullopt);
  return parse_tcp(entry, host, text.substr(colon + 1));
}

}  // namespace

std::vector<std::string> names_of(const std::vector<ServerAddress>& servers) {
  std::vector<std::string> names;
  names.reserve(servers.size());
  for (const ServerAddress& server : servers) names.push_back(server.name);
  return names;
}

std::variant<std::vector<ServerAddress>, ServerListError> parse_server_list(std::string_view text) {
  std::vector<ServerAddress> servers;
  if (trimmed(text).empty()) return servers;

  std::string_view rest = text;
  for (;;) {
    const std::size_t comma = rest.find(',');
    const std::string_view entry = trimmed(rest.substr(0, comma));
    const std::size_t number = servers.size() + 1;
    if (entry.empty()) {
      return ServerListError{"server " + std::to_string(number) + " of the list is empty"};
    }
    if (number > servers_max) {
      return ServerListError{"the list names more than " + std::to_string(servers_max) +
                             " servers"};
    }
    Parsed parsed = parse_entry(entry);
    if (const auto* reason = std::get_if<std::string>(&parsed)) {
      return ServerListError{"server \"" + printable(entry, quoted_entry_bytes_max) +
                             "\": " + *reason};
    }
    servers.push_back(std::get<ServerAddress>(std::move(parsed)));
    if (comma == std::string_view::npos) return servers;
    rest.remove_prefix(comma + 1);
  }
}

std::optional<std::string> first_not_within(std::string_view list, std::string_view allowed) {
  auto asked = parse_server_list(list);
  if (auto* error = std::get_if<ServerListError>(&asked)) return std::move(error->message);
  auto known = parse_server_list(allowed);
  if (auto* error = std::get_if<ServerListError>(&known)) return std::move(error->message);
  const auto& among = std::get<std::vector<ServerAddress>>(known);
  for (const ServerAddress& server : std::get<std::vector<ServerAddress>>(asked)) {
    const auto is_same = [&](const ServerAddress& other) { return other.where == server.where; };
    if (std::none_of(among.begin(), among.end(), is_same)) {
      return "server \"" + printable(server.name, quoted_entry_bytes_max) + "\" is not among them";
    }
  }
  return std::nullopt;
}

}  // namespace gman
