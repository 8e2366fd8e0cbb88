// SPDX-License-Identifier: BSD-3-Clause
#include "relay/core/answered_handles.hpp"

#include <functional>

namespace gman::relay {

bool AnsweredHandles::add(std::string_view handle, std::size_t identity) {
  const std::size_t hash = std::hash<std::string_view>{}(handle);
  const auto [known, is_new] = identities_.try_emplace(hash, identity);
  if (!is_new) return known->second == identity;
  hashes_.push_back(hash);
  if (hashes_.size() <= count_max) return true;
  identities_.erase(hashes_.front());
  hashes_.pop_front();
  return true;
}

}  // namespace gman::relay
