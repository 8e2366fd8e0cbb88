// SPDX-License-Identifier: BSD-3-Clause
#include "client/fsm/server_choice.hpp"

#include <algorithm>

namespace gman {

void ServerChoice::configure(std::vector<ServerAddress> servers, milliseconds retry_after) {
  std::vector<std::optional<Instant>> failed_at(servers.size());
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const auto old = std::ranges::find(servers_, servers[i].where, &ServerAddress::where);
    if (old != servers_.end()) failed_at[i] = failed_at_[old - servers_.begin()];
  }
  servers_ = std::move(servers);
  failed_at_ = std::move(failed_at);
  retry_after_ = retry_after;
}

std::vector<std::size_t> ServerChoice::order(Instant now) const {
  std::vector<std::size_t> indices;
  indices.reserve(servers_.size());
  for (const bool left_alone : {false, true}) {
    for (std::size_t i = 0; i < servers_.size(); ++i) {
      if (is_left_alone(i, now) == left_alone) indices.push_back(i);
    }
  }
  return indices;
}

bool ServerChoice::is_left_alone(std::size_t server, Instant now) const {
  const auto& failed_at = failed_at_[server];
  return failed_at && now < *failed_at + retry_after_;
}

}  // namespace gman
