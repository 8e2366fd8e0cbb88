// SPDX-License-Identifier: BSD-3-Clause
// Id<Tag, Int>: an integer that is one kind of id and cannot be mistaken for another.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace gman {

template <class Tag, class Int = std::uint64_t>
struct Id {
  Int value{};

  friend constexpr bool operator==(Id, Id) = default;
  friend constexpr auto operator<=>(Id, Id) = default;  // NOLINT(modernize-use-nullptr): it is none
};

}  // namespace gman

template <class Tag, class Int>
struct std::hash<gman::Id<Tag, Int>> {
  std::size_t operator()(gman::Id<Tag, Int> id) const noexcept {
    return std::hash<Int>{}(id.value);
  }
};
