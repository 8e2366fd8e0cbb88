// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/memcached/client.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace gman::memcached {
namespace {

using Kind = StoreFault::Kind;

template <typename Number>
bool parse_number(std::string_view text, Number& number) {
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && at == end;
}

/// Of one of several, of which none is a socket.
std::optional<Server> parse_server(std::string_view text) {
  Server server;
  const std::size_t colon = text.find(':');
  server.host = text.substr(0, colon);
  if (server.host.empty() || server.host.find_first_of("/@") != std::string::npos) {
    return std::nullopt;
  }
  if (colon == text.npos) return server;
  const bool has_port = parse_number(text.substr(colon + 1), server.port) && server.port != 0;
  return has_port ? std::optional(std::move(server)) : std::nullopt;
}

}  // namespace

std::variant<std::vector<Server>, std::string> parse_servers(std::string_view url) {
  constexpr std::string_view scheme = "memcached://";
  const std::string usage = "memcached: write memcached://host[:port][,host[:port]…]";
  if (!url.starts_with(scheme)) return usage;
  std::string_view rest = url.substr(scheme.size());
  if (rest.starts_with('/')) return std::vector{Server{.host = std::string(rest)}};
  std::vector<Server> servers;
  while (true) {
    const std::size_t comma = rest.find(',');
    auto server = parse_server(rest.substr(0, comma));
    if (!server) return usage;
    servers.push_back(*std::move(server));
    if (comma == rest.npos) return servers;
    rest.remove_prefix(comma + 1);
  }
}

std::string name_of(const std::vector<Server>& servers) {
  std::string name = "memcached://";
  for (const Server& server : servers) {
    if (&server != &servers.front()) name += ',';
    name += server.host;
    if (!server.host.starts_with('/')) name += ":" + std::to_string(server.port);
  }
  return name;
}

Client::Client(std::vector<Server> servers, milliseconds wait_max)
    : servers_(std::move(servers)), wait_max_(wait_max), name_(name_of(servers_)) {}

StoreFault Client::fault(std::string_view doing, memcached_return_t code) {
  std::string text = name_ + ": " + std::string(doing) + ": ";
  const char* const message = client_ ? memcached_last_error_message(client_.get()) : nullptr;
  const std::string said = message != nullptr ? message : memcached_strerror(client_.get(), code);
  text += said;
  if (code == MEMCACHED_E2BIG || said.find("too large") != said.npos) {
    return {Kind::full, text + " (memcached takes no item of that size: start it with -I 128m)"};
  }
  if (code == MEMCACHED_SERVER_MEMORY_ALLOCATION_FAILURE ||
      said.find("out of memory") != said.npos) {
    return {Kind::full, text + " (memcached has no room: start it with a greater -m)"};
  }
  client_.reset();  // what the answers to come belong to is not known
  return {Kind::unavailable, std::move(text)};
}

std::optional<StoreFault> Client::connect() {
  if (client_) return std::nullopt;
  client_.reset(memcached_create(nullptr));
  if (!client_) return StoreFault{Kind::unavailable, name_ + ": no memory"};
  const auto wait_ms = static_cast<std::uint64_t>(wait_max_.count());
  for (const auto& [behavior, value] : {
           std::pair{MEMCACHED_BEHAVIOR_CONNECT_TIMEOUT, wait_ms},
           std::pair{MEMCACHED_BEHAVIOR_POLL_TIMEOUT, wait_ms},
           std::pair{MEMCACHED_BEHAVIOR_SND_TIMEOUT, 1'000 * wait_ms},
           std::pair{MEMCACHED_BEHAVIOR_RCV_TIMEOUT, 1'000 * wait_ms},
           std::pair{MEMCACHED_BEHAVIOR_TCP_NODELAY, std::uint64_t{1}},
           // A key stays at its server, so that one that is away is noticed.
           std::pair{MEMCACHED_BEHAVIOR_DISTRIBUTION,
                     std::uint64_t{MEMCACHED_DISTRIBUTION_CONSISTENT_KETAMA}},
       }) {
    const auto code = memcached_behavior_set(client_.get(), behavior, value);
    if (code != MEMCACHED_SUCCESS && code != MEMCACHED_NOT_SUPPORTED) {
      return fault("setting up", code);
    }
  }
  for (const Server& server : servers_) {
    const auto code = server.host.starts_with('/')
                          ? memcached_server_add_unix_socket(client_.get(), server.host.c_str())
                          : memcached_server_add(client_.get(), server.host.c_str(), server.port);
    if (code != MEMCACHED_SUCCESS) return fault("setting up", code);
  }
  return std::nullopt;
}

std::variant<Client::Value, StoreFault> Client::get(const std::string& key) {
  if (auto failed = connect()) return *std::move(failed);
  std::size_t bytes = 0;
  std::uint32_t flags = 0;
  memcached_return_t code = MEMCACHED_SUCCESS;
  struct FreeText {
    void operator()(char* text) const { std::free(text); }
  };
  const std::unique_ptr<char, FreeText> value(
      memcached_get(client_.get(), key.data(), key.size(), &bytes, &flags, &code));
  if (code == MEMCACHED_NOTFOUND) return Value();
  if (code != MEMCACHED_SUCCESS) return fault("reading", code);
  return Value(std::in_place, value.get() == nullptr ? "" : value.get(), bytes);
}

std::optional<StoreFault> Client::add(const std::string& key, std::string_view value) {
  if (auto failed = connect()) return failed;
  const auto code =
      memcached_add(client_.get(), key.data(), key.size(), value.data(), value.size(), 0, 0);
  if (code == MEMCACHED_SUCCESS || code == MEMCACHED_NOTSTORED) return std::nullopt;
  return fault("writing", code);
}

std::optional<StoreFault> Client::set(const std::string& key, std::string_view value) {
  if (auto failed = connect()) return failed;
  const auto code =
      memcached_set(client_.get(), key.data(), key.size(), value.data(), value.size(), 0, 0);
  if (code == MEMCACHED_SUCCESS) return std::nullopt;
  return fault("writing", code);
}

std::optional<StoreFault> Client::remove(const std::string& key) {
  if (auto failed = connect()) return failed;
  const auto code = memcached_delete(client_.get(), key.data(), key.size(), 0);
  if (code == MEMCACHED_SUCCESS || code == MEMCACHED_NOTFOUND) return std::nullopt;
  return fault("deleting", code);
}

std::optional<std::uint64_t> Client::item_bytes_max() {
  if (connect()) return std::nullopt;
  std::optional<std::uint64_t> least;
  const auto look = [](const memcached_instance_st*, const char* key, std::size_t key_bytes,
                       const char* value, std::size_t value_bytes, void* into) {
    std::uint64_t bytes = 0;
    if (std::string_view(key, key_bytes) == "item_size_max" &&
        parse_number(std::string_view(value, value_bytes), bytes)) {
      auto& known = *static_cast<std::optional<std::uint64_t>*>(into);
      known = known ? std::min(*known, bytes) : bytes;
    }
    return MEMCACHED_SUCCESS;
  };
  memcached_stat_execute(client_.get(), "settings", look, &least);
  return least;
}

}  // namespace gman::memcached
