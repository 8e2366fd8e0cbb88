// SPDX-License-Identifier: BSD-3-Clause
// TextStore: the bytes of jobs (unique, reducer, workload), one block each.
//
// Blocks up to 16 KiB come from slabs, regions cut into equal blocks of one of 40 sizes; a slab
// with no block in use goes back to the region pool. Larger ones come from operator new, which
// maps them one by one when the program fixes malloc's threshold (see server/main.cpp).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "server/engine/memory/region_pool.hpp"

namespace gman::engine {

class TextStore {
 public:
  static constexpr std::size_t slab_block_bytes_max = std::size_t{16} << 10;

  explicit TextStore(RegionPool& regions) : regions_(regions) {}
  ~TextStore();
  TextStore(const TextStore&) = delete;
  TextStore& operator=(const TextStore&) = delete;

  /// nullptr for no bytes.
  [[nodiscard]] char* allocate(std::size_t bytes);
  // Requires: `block` came from allocate(bytes) with the same number.
  void free(char* block, std::size_t bytes);

  /// Blocks that are allocated now.
  [[nodiscard]] std::size_t size() const { return size_; }

  // Which size of block serves `bytes`, and how large it is. Public for the tests.
  static constexpr std::size_t size_classes = 40;
  [[nodiscard]] static std::size_t class_of(std::size_t bytes);
  [[nodiscard]] static std::size_t class_bytes(std::size_t size_class);

 private:
  struct Slab;
  struct Large;

  Slab* open_slab(std::size_t size_class);
  void link(Slab* slab);
  void unlink(Slab* slab);

  RegionPool& regions_;
  std::array<Slab*, size_classes> roomy_{};  ///< slabs with a free block, by class
  Large* large_ = nullptr;                   ///< all large blocks, so that none outlives the store
  std::size_t size_ = 0;
};

}  // namespace gman::engine
