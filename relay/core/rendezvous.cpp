// SPDX-License-Identifier: BSD-3-Clause
#include "relay/core/rendezvous.hpp"

#include <cstdint>

namespace gman::relay {
namespace {

// FNV-1a, and a finish that lets each bit of the input reach each bit of the hash: uniques differ
// in their last digits only. It is the same on every machine and in every version.
std::uint64_t add(std::uint64_t hash, std::string_view bytes) {
  for (const char c : bytes) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3;
  }
  return hash;
}

std::uint64_t finish(std::uint64_t hash) {
  hash ^= hash >> 33;
  hash *= 0xff51afd7ed558ccd;
  hash ^= hash >> 33;
  hash *= 0xc4ceb9fe1a85ec53;
  return hash ^ (hash >> 33);
}

}  // namespace

std::optional<std::size_t> rendezvous(std::string_view unique,
                                      const std::vector<Candidate>& servers) {
  constexpr std::uint64_t begin = 0xcbf29ce484222325;
  constexpr std::string_view separator("\0", 1);
  std::optional<std::size_t> best;
  std::uint64_t highest = 0;
  for (std::size_t i = 0; i < servers.size(); ++i) {
    if (!servers[i].is_up) continue;
    const std::uint64_t hash = finish(add(add(add(begin, servers[i].name), separator), unique));
    if (!best || hash > highest) {
      best = i;
      highest = hash;
    }
  }
  return best;
}

}  // namespace gman::relay
