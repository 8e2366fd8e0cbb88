// SPDX-License-Identifier: BSD-3-Clause
// ServerChoice: in which order a call tries the servers of the list, and what is known of each.
//
// First to last, but a server that failed is left alone for `retry_after`: it comes after all the
// others, so it is tried in that time only when every other one has failed too.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "client/fsm/server_list.hpp"

namespace gman {

class ServerChoice {
 public:
  /// Servers that stay in the list, wherever in it, keep what is known of their failures.
  void configure(std::vector<ServerAddress> servers, milliseconds retry_after);

  [[nodiscard]] const std::vector<ServerAddress>& servers() const { return servers_; }

  /// Indices into servers(), each once, in the order of trying.
  [[nodiscard]] std::vector<std::size_t> order(Instant now) const;

  void failed(std::size_t server, Instant now, std::string_view reason);
  void answered(std::size_t server) { failures_.at(server).reset(); }

  /// For how much longer the server comes after all the others; zero: it does not.
  [[nodiscard]] milliseconds left_alone_for(std::size_t server, Instant now) const;
  /// Why it failed last; null when it has not failed since it answered.
  [[nodiscard]] const std::string* last_error(std::size_t server) const;

 private:
  struct Failure {
    Instant at{};
    std::string reason;
  };

  std::vector<ServerAddress> servers_;
  std::vector<std::optional<Failure>> failures_;  // as long as servers_
  milliseconds retry_after_{5000};
};

}  // namespace gman
