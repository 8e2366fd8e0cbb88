// SPDX-License-Identifier: BSD-3-Clause
// BlockStore: blocks of any size that give their memory back when they are freed.
//
// Blocks up to 64 KiB come from slabs, regions cut into equal blocks of one of 48 sizes; a slab
// with no block in use goes back to the region pool. Larger ones are mapped one by one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>

#include "server/engine/memory/region_pool.hpp"

namespace gman::engine {

class BlockStore {
 public:
  static constexpr std::size_t slab_block_bytes_max = std::size_t{64} << 10;

  explicit BlockStore(RegionPool& regions) : regions_(regions) {}
  ~BlockStore();
  BlockStore(const BlockStore&) = delete;
  BlockStore& operator=(const BlockStore&) = delete;

  /// Aligned for any type; nullptr for no bytes.
  [[nodiscard]] char* allocate(std::size_t bytes);
  // Requires: `block` came from allocate(bytes) with the same number.
  void free(char* block, std::size_t bytes);

  /// Blocks that are allocated now.
  [[nodiscard]] std::size_t size() const { return size_; }
  /// What they take: block_bytes of each.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  /// How large a block for so many bytes is.
  [[nodiscard]] static std::size_t block_bytes(std::size_t bytes);

  // Which size of block serves `bytes`, and how large it is. Public for the tests.
  static constexpr std::size_t size_classes = 48;
  [[nodiscard]] static std::size_t class_of(std::size_t bytes);
  [[nodiscard]] static std::size_t class_bytes(std::size_t size_class);

 private:
  struct Slab;
  struct Large;

  char* allocate_large(std::size_t bytes);
  void free_large(char* block);
  Slab* open_slab(std::size_t size_class);
  void link(Slab* slab);
  void unlink(Slab* slab);

  RegionPool& regions_;
  std::array<Slab*, size_classes> roomy_{};  ///< slabs with a free block, by class
  Large* large_ = nullptr;                   ///< all large blocks, so that none outlives the store
  std::size_t size_ = 0;
  std::size_t bytes_ = 0;
};

/// For containers whose memory is to come from a BlockStore.
template <class T>
class BlockAllocator {
 public:
  using value_type = T;
  using propagate_on_container_move_assignment = std::true_type;

  explicit BlockAllocator(BlockStore& store) : store_(&store) {}
  template <class U>
  BlockAllocator(const BlockAllocator<U>& other) : store_(&other.store()) {}  // NOLINT: rebinds

  [[nodiscard]] T* allocate(std::size_t count) {
    return reinterpret_cast<T*>(store_->allocate(count * sizeof(T)));
  }
  void deallocate(T* block, std::size_t count) {
    store_->free(reinterpret_cast<char*>(block), count * sizeof(T));
  }
  [[nodiscard]] BlockStore& store() const { return *store_; }

  friend bool operator==(const BlockAllocator& a, const BlockAllocator& b) {
    return a.store_ == b.store_;
  }

 private:
  BlockStore* store_;
};

}  // namespace gman::engine
