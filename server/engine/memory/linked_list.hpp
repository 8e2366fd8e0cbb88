// SPDX-License-Identifier: BSD-3-Clause
// LinkedList: a list of pool records that carry their own links, so that leaving costs O(1).
//
// `links_of` tells which pair of links in the record belongs to this kind of list; a record may be
// in several lists of different kinds at once.
#pragma once

#include <cstdint>

#include "server/engine/memory/pool.hpp"

namespace gman::engine {

struct Links {
  std::uint32_t previous = nil, next = nil;
};

template <class T, auto links_of>
class LinkedList {
 public:
  [[nodiscard]] bool empty() const { return first_ == nil; }
  [[nodiscard]] std::uint32_t first() const { return first_; }
  [[nodiscard]] static std::uint32_t after(const Pool<T>& pool, std::uint32_t slot) {
    return links_of(const_cast<T&>(pool[slot])).next;
  }

  void push_back(Pool<T>& pool, std::uint32_t slot) {
    links_of(pool[slot]) = {last_, nil};
    (last_ == nil ? first_ : links_of(pool[last_]).next) = slot;
    last_ = slot;
  }

  // Requires: `slot` is in this list.
  void erase(Pool<T>& pool, std::uint32_t slot) {
    const Links links = links_of(pool[slot]);
    (links.previous == nil ? first_ : links_of(pool[links.previous]).next) = links.next;
    (links.next == nil ? last_ : links_of(pool[links.next]).previous) = links.previous;
  }

  /// Calls `visit(slot)` in order. The visitor must not change the list.
  template <class Visit>
  void for_each(const Pool<T>& pool, Visit&& visit) const {
    for (std::uint32_t slot = first_; slot != nil; slot = after(pool, slot)) visit(slot);
  }

 private:
  std::uint32_t first_ = nil;
  std::uint32_t last_ = nil;
};

}  // namespace gman::engine
