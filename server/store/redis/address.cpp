// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/redis/address.hpp"

#include <charconv>
#include <optional>
#include <system_error>

namespace gman::redis {
namespace {

template <typename Number>
bool parse_number(std::string_view text, Number& number, int base = 10) {
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number, base);
  return error == std::errc() && at == end;
}

std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (text[0] != '%') {
      out += text[0];
      text.remove_prefix(1);
      continue;
    }
    std::uint8_t byte = 0;
    if (text.size() < 3 || !parse_number(text.substr(1, 2), byte, 16)) return std::nullopt;
    out += static_cast<char>(byte);
    text.remove_prefix(3);
  }
  return out;
}

/// Takes "user:password@" off the front of `rest`.
bool take_credentials(std::string_view& rest, Address& address) {
  // A password that was not encoded may have an @, a path has none before its first slash.
  const std::size_t at = rest.substr(0, rest.find('/')).rfind('@');
  if (at == rest.npos) return true;
  const std::string_view both = rest.substr(0, at);
  rest.remove_prefix(at + 1);
  const std::size_t colon = both.find(':');
  if (colon == both.npos) return false;
  auto user = decoded(both.substr(0, colon));
  auto password = decoded(both.substr(colon + 1));
  if (!user || !password || password->empty()) return false;
  address.user = *std::move(user);
  address.password = *std::move(password);
  return true;
}

bool take_host_and_port(std::string_view text, Address& address) {
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == text.npos) return false;
    address.host = text.substr(1, close - 1);
    text.remove_prefix(close + 1);
    if (!text.empty() && text[0] != ':') return false;
    port = text;
  } else {
    const std::size_t colon = text.find(':');
    address.host = text.substr(0, colon);
    port = colon == text.npos ? "" : text.substr(colon);
  }
  if (address.host.empty()) return false;
  return port.empty() || (parse_number(port.substr(1), address.port) && address.port != 0);
}

}  // namespace

std::string Address::name() const {
  if (host.empty()) {
    return "redis+unix://" + socket + (database == 0 ? "" : "?db=" + std::to_string(database));
  }
  const bool has_colons = host.find(':') != host.npos;
  return "redis://" + (has_colons ? "[" + host + "]" : host) + ":" + std::to_string(port) + "/" +
         std::to_string(database);
}

std::variant<Address, std::string> parse_address(std::string_view url) {
  constexpr std::string_view tcp = "redis://";
  constexpr std::string_view unix_socket = "redis+unix://";
  const bool is_socket = url.starts_with(unix_socket);
  const std::string usage =
      is_socket ? "redis+unix: write redis+unix://[:password@]/path/to/socket[?db=number]"
                : "redis: write redis://[:password@]host[:port][/number of the database]";
  if (!is_socket && !url.starts_with(tcp)) return usage;
  Address address;
  std::string_view rest = url.substr(is_socket ? unix_socket.size() : tcp.size());
  if (!take_credentials(rest, address)) return usage;
  std::string_view database;
  if (is_socket) {
    const std::size_t question = rest.find('?');
    address.socket = rest.substr(0, question);
    if (!address.socket.starts_with('/')) return usage;
    if (question != rest.npos) {
      constexpr std::string_view parameter = "?db=";
      if (!rest.substr(question).starts_with(parameter)) return usage;
      database = rest.substr(question + parameter.size());
      if (database.empty()) return usage;
    }
  } else {
    const std::size_t slash = rest.find('/');
    if (!take_host_and_port(rest.substr(0, slash), address)) return usage;
    if (slash != rest.npos) database = rest.substr(slash + 1);
  }
  if (!database.empty() && !parse_number(database, address.database)) return usage;
  return address;
}

}  // namespace gman::redis
