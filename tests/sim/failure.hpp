// SPDX-License-Identifier: BSD-3-Clause
// Failure: something came out that must not. It ends the history, whose seed is then printed.
#pragma once

#include <stdexcept>
#include <string>
#include <type_traits>

namespace gman::sim {

class Failure : public std::runtime_error {
 public:
  explicit Failure(const std::string& what) : std::runtime_error(what) {}
};

inline void require(bool holds, const char* otherwise) {
  if (!holds) throw Failure(otherwise);
}

/// The words are made only when they are needed.
template <class Words>
requires std::is_invocable_v<Words>
void require(bool holds, const Words& otherwise) {
  if (!holds) throw Failure(otherwise());
}

}  // namespace gman::sim
