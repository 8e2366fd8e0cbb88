// SPDX-License-Identifier: BSD-3-Clause
// Pool<T>: records that are found by a small number and never move.
//
// A record's number is its slot: a chunk and a place in it, so a look-up is two loads and no hash.
// Each slot counts how often it was used (its generation: odd while a record lives there, even
// while none does), so slot and generation together name one record for ever; a slot whose count
// is used up is retired. A chunk in which nothing lives is given back, and remembers only the
// highest generation it had seen.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "server/engine/memory/region_pool.hpp"

namespace gman::engine {

/// No slot.
inline constexpr std::uint32_t nil = std::numeric_limits<std::uint32_t>::max();

template <class T>
class Pool {
  static_assert(std::is_trivially_destructible_v<T>, "records vanish with their chunk");

 public:
  static constexpr std::uint32_t generation_last = nil - 1;

  /// `generation_max` (even) is lower than the default only in tests.
  explicit Pool(RegionPool& regions, std::uint32_t generation_max = generation_last)
      : regions_(regions), generation_max_(generation_max) {}

  ~Pool() {
    for (const Chunk& chunk : chunks_) {
      if (chunk.slots != nullptr) regions_.give_back(chunk.slots);
    }
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  template <class... Args>
  [[nodiscard]] std::uint32_t create(Args&&... args) {
    if (roomy_ == nil) open_chunk();
    const std::uint32_t number = roomy_;
    Chunk& chunk = chunks_[number];
    std::uint32_t place = chunk.free_first;
    if (place != nil) {
      chunk.free_first = chunk.slots[place].next_free;
    } else {
      place = chunk.fresh++;
      chunk.slots[place].generation = chunk.generation_floor;
    }
    Slot& slot = chunk.slots[place];
    ::new (static_cast<void*>(&slot.value)) T{std::forward<Args>(args)...};
    ++slot.generation;
    ++chunk.live;
    ++size_;
    if (!chunk.has_room()) unlink_roomy(number);
    return number * slots_per_chunk + place;
  }

  // Requires: a record lives in `index`.
  void destroy(std::uint32_t index) {
    Slot& slot = live_slot(index);
    const std::uint32_t number = index / slots_per_chunk;
    const std::uint32_t place = index % slots_per_chunk;
    Chunk& chunk = chunks_[number];
    const bool had_room = chunk.has_room();

    const std::uint32_t generation = ++slot.generation;
    if (generation > chunk.generation_seen) chunk.generation_seen = generation;
    if (generation < generation_max_) {
      slot.next_free = chunk.free_first;
      chunk.free_first = place;
    }
    --chunk.live;
    --size_;
    if (!had_room && chunk.has_room()) link_roomy(number);
    // The last roomy chunk stays, or a pool at a chunk's edge would take and give without end.
    const bool others_have_room = roomy_ != nil && (roomy_ != number || chunk.next != nil);
    if (chunk.live == 0 && (others_have_room || !chunk.has_room())) close_chunk(number);
  }

  // Requires: a record lives in `index`.
  [[nodiscard]] T& operator[](std::uint32_t index) { return live_slot(index).value; }
  [[nodiscard]] const T& operator[](std::uint32_t index) const { return live_slot(index).value; }

  /// The record that had this slot and generation; nullptr once it is gone.
  [[nodiscard]] T* find(std::uint32_t index, std::uint32_t generation) {
    Slot* slot = slot_at(index);
    const bool same = slot != nullptr && slot->generation == generation && is_live(generation);
    return same ? &slot->value : nullptr;
  }
  /// Whatever lives there now; nullptr: nothing.
  [[nodiscard]] const T* find(std::uint32_t index, std::uint32_t generation) const {
    return const_cast<Pool*>(this)->find(index, generation);
  }
  [[nodiscard]] const T* find(std::uint32_t index) const {
    const Slot* slot = slot_at(index);
    return slot != nullptr && is_live(slot->generation) ? &slot->value : nullptr;
  }
  [[nodiscard]] std::uint32_t generation_of(std::uint32_t index) const {
    return live_slot(index).generation;
  }

  [[nodiscard]] std::size_t size() const { return size_; }

  /// Calls `visit(slot, record)` for what lives among the next `count` slots from `from` on, in
  /// order; where to go on, or nullopt at the end. The visitor must not create or destroy.
  template <class Visit>
  std::optional<std::uint32_t> for_some(std::uint32_t from, std::size_t count,
                                        Visit&& visit) const {
    const std::uint64_t end = std::uint64_t{chunks_.size()} * slots_per_chunk;
    std::uint64_t slot = from;
    for (; slot < end && count > 0; ++slot, --count) {
      const Chunk& chunk = chunks_[slot / slots_per_chunk];
      const auto place = static_cast<std::uint32_t>(slot % slots_per_chunk);
      if (place >= chunk.fresh || !is_live(chunk.slots[place].generation)) continue;
      visit(static_cast<std::uint32_t>(slot), std::as_const(chunk.slots[place].value));
    }
    return slot < end ? std::optional(static_cast<std::uint32_t>(slot)) : std::nullopt;
  }

  /// Calls `visit(slot, record)` in the order of slots. The visitor must not create or destroy.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (std::size_t number = 0; number < chunks_.size(); ++number) {
      const Chunk& chunk = chunks_[number];
      for (std::uint32_t place = 0; place < chunk.fresh; ++place) {
        if (!is_live(chunk.slots[place].generation)) continue;
        visit(static_cast<std::uint32_t>(number * slots_per_chunk + place),
              std::as_const(chunk.slots[place].value));
      }
    }
  }

 private:
  struct Slot {
    std::uint32_t generation;
    union {
      std::uint32_t next_free;
      T value;
    };
  };

 public:
  static constexpr std::uint32_t slots_per_chunk =
      std::bit_floor(static_cast<std::uint32_t>(RegionPool::region_bytes / sizeof(Slot)));

 private:
  struct Chunk {
    Slot* slots = nullptr;  ///< nullptr while the memory is given back
    std::uint32_t generation_floor = 0;
    std::uint32_t generation_seen = 0;
    std::uint32_t live = 0;
    std::uint32_t fresh = 0;  ///< slots from here on were never used since the memory was taken
    std::uint32_t free_first = nil;
    std::uint32_t previous = nil, next = nil;  ///< among the chunks with room

    [[nodiscard]] bool has_room() const { return free_first != nil || fresh < slots_per_chunk; }
  };

  static bool is_live(std::uint32_t generation) { return generation % 2 == 1; }

  [[nodiscard]] Slot* slot_at(std::uint32_t index) {
    return const_cast<Slot*>(std::as_const(*this).slot_at(index));
  }
  [[nodiscard]] const Slot* slot_at(std::uint32_t index) const {
    const std::uint32_t number = index / slots_per_chunk;
    const std::uint32_t place = index % slots_per_chunk;
    if (number >= chunks_.size() || place >= chunks_[number].fresh) return nullptr;
    return &chunks_[number].slots[place];
  }
  [[nodiscard]] const Slot& live_slot(std::uint32_t index) const {
    const Slot* slot = slot_at(index);
    GMAN_ASSERT(slot != nullptr && is_live(slot->generation));
    return *slot;
  }
  [[nodiscard]] Slot& live_slot(std::uint32_t index) {
    return const_cast<Slot&>(std::as_const(*this).live_slot(index));
  }

  void open_chunk() {
    void* region = regions_.take();
    if (bare_.empty()) {
      GMAN_ASSERT(chunks_.size() < nil / slots_per_chunk);
      bare_.push_back(static_cast<std::uint32_t>(chunks_.size()));
      chunks_.emplace_back();
    }
    const std::uint32_t number = bare_.back();
    bare_.pop_back();
    Chunk& chunk = chunks_[number];
    chunk.slots = static_cast<Slot*>(region);
    chunk.generation_floor = chunk.generation_seen;
    link_roomy(number);
  }

  void close_chunk(std::uint32_t number) {
    Chunk& chunk = chunks_[number];
    if (chunk.has_room()) unlink_roomy(number);
    regions_.give_back(chunk.slots);
    chunk.slots = nullptr;
    chunk.fresh = 0;
    chunk.free_first = nil;
    if (chunk.generation_seen < generation_max_) bare_.push_back(number);
  }

  void link_roomy(std::uint32_t number) {
    chunks_[number].previous = nil;
    chunks_[number].next = roomy_;
    if (roomy_ != nil) chunks_[roomy_].previous = number;
    roomy_ = number;
  }
  void unlink_roomy(std::uint32_t number) {
    const Chunk& chunk = chunks_[number];
    (chunk.previous == nil ? roomy_ : chunks_[chunk.previous].next) = chunk.next;
    if (chunk.next != nil) chunks_[chunk.next].previous = chunk.previous;
  }

  RegionPool& regions_;
  std::uint32_t generation_max_;
  std::vector<Chunk> chunks_;
  std::vector<std::uint32_t> bare_;  ///< chunks whose memory is given back, to be used again
  std::uint32_t roomy_ = nil;        ///< first chunk with room
  std::size_t size_ = 0;
};

}  // namespace gman::engine
