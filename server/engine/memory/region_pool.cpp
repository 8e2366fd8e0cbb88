// SPDX-License-Identifier: BSD-3-Clause
#include "server/engine/memory/region_pool.hpp"

#include <cstdint>

#include "base/assert.hpp"
#include "base/pages.hpp"
#include "base/pages_ahead.hpp"

namespace gman::engine {
namespace {

constexpr std::size_t regions_per_arena = 64;
// Many regions of a small server are hardly used. Beyond so many, whoever takes one fills it.
constexpr std::size_t populated_from = 64;
/// So many are ready before they are taken: what 10,000 small jobs take.
constexpr std::size_t regions_ahead = 8;

}  // namespace

RegionPool::~RegionPool() {
  if (ahead_ != nullptr) ahead_->clear();
  for (const Arena& arena : arenas_) unmap_pages(arena.start, arena.bytes);
}

void* RegionPool::take() {
  ++taken_;
  if (warm_.empty()) return take_cold();
  void* region = warm_.back();
  warm_.pop_back();
  return region;
}

void* RegionPool::take_cold() {
  if (taken_ <= populated_from) return take_unused();
  void* region = ahead_ == nullptr ? nullptr : ahead_->take();
  if (region == nullptr) {
    region = take_unused();
    populate_pages(region, region_bytes);
  }
  while (ahead_ != nullptr && ahead_->count() < regions_ahead) {
    ahead_->give(take_unused(), region_bytes);
  }
  return region;
}

void* RegionPool::take_unused() {
  if (cold_.empty()) map_arena();
  void* region = cold_.back();
  cold_.pop_back();
  return region;
}

void RegionPool::give_back(void* region) {
  GMAN_ASSERT(taken_ > 0);
  --taken_;
  if (warm_.size() < warm_regions_max) {
    warm_.push_back(region);
    return;
  }
  discard_pages(region, region_bytes);
  cold_.push_back(region);
}

void RegionPool::map_arena() {
  // One region more than is used, so that an aligned start can be chosen.
  const std::size_t bytes = (regions_per_arena + 1) * region_bytes;
  void* start = map_pages(bytes);
  arenas_.push_back({start, bytes});

  const auto address = reinterpret_cast<std::uintptr_t>(start);
  const std::uintptr_t aligned = (address + region_bytes - 1) & ~(region_bytes - 1);
  char* region = static_cast<char*>(start) + (aligned - address);
  // The lowest address is handed out first.
  for (std::size_t i = regions_per_arena; i-- > 0;) cold_.push_back(region + i * region_bytes);
}

}  // namespace gman::engine
