// SPDX-License-Identifier: BSD-3-Clause
// Which job server gets a job: the one with the highest hash of server and unique together.
//
// So a job that is sent again goes where it went before, also from another relay whose list is in
// another order; and when a server is left out only its own jobs move.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gman::relay {

struct Candidate {
  std::string name;  ///< as all relays write it
  bool is_up = false;
};

/// nullopt: none is up.
[[nodiscard]] std::optional<std::size_t> rendezvous(std::string_view unique,
                                                    const std::vector<Candidate>& servers);

}  // namespace gman::relay
