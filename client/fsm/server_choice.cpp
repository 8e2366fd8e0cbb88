// SPDX-License-Identifier: BSD-3-Clause
#include "client/fsm/server_choice.hpp"

#include <algorithm>

namespace gman {

void ServerChoice::configure(std::vector<ServerAddress> servers, milliseconds retry_after) {
  std::vector<std::optional<Failure>> failures(servers.size());
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const auto old = std::ranges::find(servers_, servers[i].where, &ServerAddress::where);
    if (old != servers_.end()) failures[i] = failures_[old - servers_.begin()];
  }
  servers_ = std::move(servers);
  failures_ = std::move(failures);
  retry_after_ = retry_after;
}

std::vector<std::size_t> ServerChoice::order(Instant now) const {
  std::vector<std::size_t> indices;
  indices.reserve(servers_.size());
  for (const bool left_alone : {false, true}) {
    for (std::size_t i = 0; i < servers_.size(); ++i) {
      if ((left_alone_for(i, now).count() > 0) == left_alone) indices.push_back(i);
    }
  }
  return indices;
}

void ServerChoice::failed(std::size_t server, Instant now, std::string_view reason) {
  failures_.at(server) = Failure{now, std::string(reason)};
}

// Rounded up, so that a server is left alone until nothing is left.
milliseconds ServerChoice::left_alone_for(std::size_t server, Instant now) const {
  const auto& failure = failures_.at(server);
  if (!failure) return milliseconds{0};
  const auto left = std::chrono::ceil<milliseconds>(failure->at + retry_after_ - now);
  return std::max(left, milliseconds{0});
}

const std::string* ServerChoice::last_error(std::size_t server) const {
  const auto& failure = failures_.at(server);
  return failure ? &failure->reason : nullptr;
}

}  // namespace gman
