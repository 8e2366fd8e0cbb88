// SPDX-License-Identifier: BSD-3-Clause
// Regions: memory straight from the operating system, 256 KiB at a time, and back to it.
//
// Everything that grows with the backlog (job records, workloads, tables of uniques) lives in
// regions, so that a drained backlog gives its memory back: malloc would keep it for the holes
// between survivors. A region that comes back is handed to the kernel at once, but for a few that
// stay warm, since a queue that breathes would otherwise fault its pages in again with each breath.
// Address space is kept, which costs nothing and keeps the number of mappings small.
#pragma once

#include <cstddef>
#include <vector>

namespace gman {
class PagesAhead;
}

namespace gman::engine {

class RegionPool {
 public:
  static constexpr std::size_t region_bytes = std::size_t{256} << 10;
  static constexpr std::size_t warm_regions_max = 8;

  /// `ahead` has what is taken next ready, once there is so much that it is worth a thread;
  /// nullptr: nobody does. Outlives this.
  explicit RegionPool(PagesAhead* ahead = nullptr) : ahead_(ahead) {}
  ~RegionPool();
  RegionPool(const RegionPool&) = delete;
  RegionPool& operator=(const RegionPool&) = delete;

  /// `region_bytes` of memory, aligned to as much; its contents are undefined.
  [[nodiscard]] void* take();
  void give_back(void* region);

  [[nodiscard]] std::size_t taken() const { return taken_; }

 private:
  [[nodiscard]] void* take_cold();
  [[nodiscard]] void* take_unused();
  void map_arena();

  struct Arena {
    void* start;
    std::size_t bytes;
  };
  std::vector<Arena> arenas_;
  std::vector<void*> warm_;  ///< free, pages still ours
  std::vector<void*> cold_;  ///< free, pages given back
  std::size_t taken_ = 0;
  PagesAhead* ahead_;
};

}  // namespace gman::engine
