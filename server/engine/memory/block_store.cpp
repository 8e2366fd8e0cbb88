// SPDX-License-Identifier: BSD-3-Clause
#include "server/engine/memory/block_store.hpp"

#include <bit>
#include <new>

#include "base/assert.hpp"
#include "base/pages.hpp"

namespace gman::engine {

// The head of a region that is a slab. Blocks follow it; a block finds its slab by rounding its
// address down to a region.
struct BlockStore::Slab {
  struct FreeBlock {
    FreeBlock* next;
  };

  std::uint32_t size_class;
  std::uint32_t blocks_max;
  std::uint32_t live = 0;
  std::uint32_t fresh = 0;  ///< blocks from here on were never used
  FreeBlock* free_first = nullptr;
  Slab* previous = nullptr;
  Slab* next = nullptr;

  [[nodiscard]] bool has_room() const { return free_first != nullptr || fresh < blocks_max; }
  static Slab* of(char* block) {
    const auto address = reinterpret_cast<std::uintptr_t>(block);
    return reinterpret_cast<Slab*>(address & ~(RegionPool::region_bytes - 1));
  }
};

// The head of a large block, in the same mapping before it.
struct BlockStore::Large {
  std::size_t mapped_bytes;
  Large* previous;
  Large* next;
  std::size_t padding;  // so that what follows is aligned for any type
};

namespace {

constexpr std::size_t small_step_bytes = 16;
constexpr std::size_t small_bytes_max = 256;
constexpr std::size_t small_classes = small_bytes_max / small_step_bytes;
constexpr std::size_t slab_head_bytes = 64;

}  // namespace

// Up to 256 bytes in steps of 16; from there four sizes to each doubling.
std::size_t BlockStore::class_of(std::size_t bytes) {
  GMAN_ASSERT(bytes > 0 && bytes <= slab_block_bytes_max);
  if (bytes <= small_bytes_max) return (bytes - 1) / small_step_bytes;
  const std::size_t doubling = std::bit_width(bytes - 1) - std::bit_width(small_bytes_max);
  const std::size_t quarter = ((bytes - 1) >> (doubling + 6)) & 3;
  return small_classes + doubling * 4 + quarter;
}

std::size_t BlockStore::class_bytes(std::size_t size_class) {
  if (size_class < small_classes) return (size_class + 1) * small_step_bytes;
  const std::size_t doubling = (size_class - small_classes) / 4;
  const std::size_t quarter = (size_class - small_classes) % 4;
  return (small_bytes_max << doubling) / 4 * (5 + quarter);
}

// A large one takes whole pages; the page is 4 KiB on every machine that we know.
std::size_t BlockStore::block_bytes(std::size_t bytes) {
  constexpr std::size_t page_bytes = 4096;
  if (bytes == 0) return 0;
  if (bytes <= slab_block_bytes_max) return class_bytes(class_of(bytes));
  return (sizeof(Large) + bytes + page_bytes - 1) / page_bytes * page_bytes;
}

BlockStore::~BlockStore() {
  while (large_ != nullptr) {
    Large* next = large_->next;
    unmap_pages(large_, large_->mapped_bytes);
    large_ = next;
  }
}

char* BlockStore::allocate(std::size_t bytes) {
  if (bytes == 0) return nullptr;
  ++size_;
  bytes_ += block_bytes(bytes);
  if (bytes > slab_block_bytes_max) return allocate_large(bytes);
  const std::size_t size_class = class_of(bytes);
  Slab* slab = roomy_[size_class] != nullptr ? roomy_[size_class] : open_slab(size_class);
  char* block = nullptr;
  if (slab->free_first != nullptr) {
    block = reinterpret_cast<char*>(slab->free_first);
    slab->free_first = slab->free_first->next;
  } else {
    block =
        reinterpret_cast<char*>(slab) + slab_head_bytes + slab->fresh++ * class_bytes(size_class);
  }
  ++slab->live;
  if (!slab->has_room()) unlink(slab);
  return block;
}

void BlockStore::free(char* block, std::size_t bytes) {
  if (bytes == 0) return;
  GMAN_ASSERT(size_ > 0);
  --size_;
  bytes_ -= block_bytes(bytes);
  if (bytes > slab_block_bytes_max) return free_large(block);
  Slab* slab = Slab::of(block);
  GMAN_ASSERT(slab->size_class == class_of(bytes) && slab->live > 0);
  if (!slab->has_room()) link(slab);
  slab->free_first = ::new (static_cast<void*>(block)) Slab::FreeBlock{slab->free_first};
  --slab->live;
  // The last roomy slab of a class stays, or a queue of one would take and give without end.
  const bool is_only_one = slab->previous == nullptr && slab->next == nullptr;
  if (slab->live == 0 && !is_only_one) {
    unlink(slab);
    regions_.give_back(slab);
  }
}

char* BlockStore::allocate_large(std::size_t bytes) {
  const std::size_t mapped_bytes = sizeof(Large) + bytes;
  auto* large = ::new (map_pages(mapped_bytes)) Large{mapped_bytes, nullptr, large_, 0};
  if (large_ != nullptr) large_->previous = large;
  large_ = large;
  return reinterpret_cast<char*>(large + 1);
}

void BlockStore::free_large(char* block) {
  Large* large = reinterpret_cast<Large*>(block) - 1;
  (large->previous == nullptr ? large_ : large->previous->next) = large->next;
  if (large->next != nullptr) large->next->previous = large->previous;
  unmap_pages(large, large->mapped_bytes);
}

BlockStore::Slab* BlockStore::open_slab(std::size_t size_class) {
  static_assert(sizeof(Slab) <= slab_head_bytes);
  const std::size_t room = RegionPool::region_bytes - slab_head_bytes;
  auto* slab = ::new (regions_.take()) Slab{
      .size_class = static_cast<std::uint32_t>(size_class),
      .blocks_max = static_cast<std::uint32_t>(room / class_bytes(size_class)),
  };
  link(slab);
  return slab;
}

void BlockStore::link(Slab* slab) {
  Slab*& first = roomy_[slab->size_class];
  slab->previous = nullptr;
  slab->next = first;
  if (first != nullptr) first->previous = slab;
  first = slab;
}

void BlockStore::unlink(Slab* slab) {
  (slab->previous == nullptr ? roomy_[slab->size_class] : slab->previous->next) = slab->next;
  if (slab->next != nullptr) slab->next->previous = slab->previous;
  slab->previous = slab->next = nullptr;
}

}  // namespace gman::engine
