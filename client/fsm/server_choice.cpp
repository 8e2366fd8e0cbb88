// SPDX-License-Identifier: BSD-3-Clause
#include "client/fsm/server_choice.hpp"

#include <algorithm>
#include <numeric>

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
  std::vector<std::size_t> indices(servers_.size());
  std::iota(indices.begin(), indices.end(), std::size_t{0});
  std::ranges::stable_partition(indices, [&](std::size_t i) { return !is_left_alone(i, now); });
  return indices;
}

bool ServerChoice::is_left_alone(std::size_t server, Instant now) const {
  const auto& failed_at = failed_at_[server];
  return failed_at && now < *failed_at + retry_after_;
}

}  // namespace gman
