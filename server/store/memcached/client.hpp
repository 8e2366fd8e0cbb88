// SPDX-License-Identifier: BSD-3-Clause
// Client: a connection to each of some memcached servers, its waits bounded, its errors store
// faults. After an error of a connection all of them are made anew.
#pragma once

#include <libmemcached/memcached.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/time.hpp"
#include "server/store/store.hpp"

namespace gman::memcached {

/// Of memcached://host[:port][,host[:port]…] or memcached:///path/to/socket.
struct Server {
  std::string host;  ///< a socket, if it begins with a slash
  std::uint16_t port = 11211;
};
/// What is wrong with it otherwise.
[[nodiscard]] std::variant<std::vector<Server>, std::string> parse_servers(std::string_view url);
/// As a URL.
[[nodiscard]] std::string name_of(const std::vector<Server>& servers);

class Client {
 public:
  Client(std::vector<Server> servers, milliseconds wait_max);

  [[nodiscard]] const std::string& name() const { return name_; }

  using Value = std::optional<std::string>;
  /// nullopt: it is not there.
  [[nodiscard]] std::variant<Value, StoreFault> get(const std::string& key);
  /// Unless there is one.
  [[nodiscard]] std::optional<StoreFault> add(const std::string& key, std::string_view value);
  [[nodiscard]] std::optional<StoreFault> set(const std::string& key, std::string_view value);
  [[nodiscard]] std::optional<StoreFault> remove(const std::string& key);
  /// The least of all servers, of `stats settings`; nullopt: not known.
  [[nodiscard]] std::optional<std::uint64_t> item_bytes_max();

 private:
  struct Free {
    void operator()(memcached_st* client) const { memcached_free(client); }
  };
  std::optional<StoreFault> connect();
  StoreFault fault(std::string_view doing, memcached_return_t code);

  std::vector<Server> servers_;
  milliseconds wait_max_;
  std::string name_;
  std::unique_ptr<memcached_st, Free> client_;
};

}  // namespace gman::memcached
