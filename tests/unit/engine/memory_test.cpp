// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "base/pages_ahead.hpp"
#include "server/engine/memory/block_store.hpp"
#include "server/engine/memory/linked_list.hpp"
#include "server/engine/memory/pool.hpp"

namespace gman::engine {
namespace {

struct Record {
  std::uint64_t value;
  Links links{};

  static Links& links_in(Record& record) { return record.links; }
};
using RecordPool = Pool<Record>;
using RecordList = LinkedList<Record, &Record::links_in>;

TEST(region_pool, hands_out_aligned_regions_that_do_not_overlap) {
  RegionPool regions;
  std::set<void*> taken;
  for (int i = 0; i < 200; ++i) {
    void* region = regions.take();
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(region) % RegionPool::region_bytes, 0);
    std::memset(region, 0xab, 64);
    EXPECT_TRUE(taken.insert(region).second);
  }
  EXPECT_EQ(regions.taken(), 200);
  for (void* region : taken) regions.give_back(region);
  EXPECT_EQ(regions.taken(), 0);
  EXPECT_TRUE(taken.contains(regions.take()));
}

TEST(region_pool, hands_each_region_out_once_while_others_are_made_ready) {
  PagesAhead ahead;
  std::set<void*> taken;
  RegionPool regions(&ahead);
  for (int i = 0; i < 400; ++i) EXPECT_TRUE(taken.insert(regions.take()).second);
  EXPECT_GT(ahead.count(), 0) << "by then it is worth a thread";
  for (void* region : taken) regions.give_back(region);
  EXPECT_EQ(regions.taken(), 0);
  // The pool unmaps all of it, also what is being made ready.
}

TEST(pool, finds_a_record_by_slot_and_generation_only_while_it_lives) {
  RegionPool regions;
  RecordPool pool(regions);
  const std::uint32_t slot = pool.create(1U);
  const std::uint32_t generation = pool.generation_of(slot);
  ASSERT_NE(pool.find(slot, generation), nullptr);
  EXPECT_EQ(pool.find(slot, generation)->value, 1);
  EXPECT_EQ(pool.find(slot, generation + 1), nullptr);
  EXPECT_EQ(pool.find(slot + 1, generation), nullptr);
  EXPECT_EQ(pool.find(nil, generation), nullptr);

  pool.destroy(slot);
  EXPECT_EQ(pool.find(slot, generation), nullptr);
  EXPECT_EQ(pool.find(slot, generation + 1), nullptr) << "a free slot is nobody's";

  const std::uint32_t again = pool.create(2U);
  EXPECT_EQ(again, slot);
  EXPECT_EQ(pool.find(slot, generation), nullptr);
  EXPECT_EQ(pool.find(slot, generation + 2)->value, 2);
}

TEST(pool, gives_the_memory_of_empty_chunks_back_and_never_repeats_a_generation) {
  RegionPool regions;
  RecordPool pool(regions);
  std::set<std::pair<std::uint32_t, std::uint32_t>> seen;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::uint32_t> slots;
    for (std::uint32_t i = 0; i < 5 * RecordPool::slots_per_chunk; ++i) {
      slots.push_back(pool.create(i));
      EXPECT_TRUE(seen.insert({slots.back(), pool.generation_of(slots.back())}).second);
    }
    EXPECT_EQ(regions.taken(), 5);
    for (const std::uint32_t slot : slots) pool.destroy(slot);
    EXPECT_EQ(regions.taken(), 1);
    EXPECT_EQ(pool.size(), 0);
  }
}

TEST(pool, does_not_take_and_give_at_the_edge_of_a_chunk) {
  RegionPool regions;
  RecordPool pool(regions);
  for (std::uint32_t i = 0; i < RecordPool::slots_per_chunk; ++i) {
    static_cast<void>(pool.create(i));
  }
  EXPECT_EQ(regions.taken(), 1);
  for (int i = 0; i < 10; ++i) {
    const std::uint32_t slot = pool.create(0U);
    EXPECT_EQ(regions.taken(), 2);
    pool.destroy(slot);
    EXPECT_EQ(regions.taken(), 2);
  }
}

TEST(pool, retires_a_slot_whose_generations_are_used_up) {
  RegionPool regions;
  RecordPool pool(regions, 4);
  std::set<std::pair<std::uint32_t, std::uint32_t>> seen;
  for (std::uint32_t i = 0; i < 3 * 2 * RecordPool::slots_per_chunk; ++i) {
    const std::uint32_t slot = pool.create(i);
    EXPECT_LT(pool.generation_of(slot), 4);
    EXPECT_TRUE(seen.insert({slot, pool.generation_of(slot)}).second);
    pool.destroy(slot);
  }
  EXPECT_EQ(pool.size(), 0);
  EXPECT_LE(regions.taken(), 1);
}

TEST(pool, agrees_with_a_map_on_random_histories) {
  std::mt19937_64 random(11);
  RegionPool regions;
  RecordPool pool(regions);
  std::map<std::uint32_t, std::uint64_t> model;
  for (int step = 0; step < 200'000; ++step) {
    const bool is_growing = step / 40'000 % 2 == 0;
    if (model.empty() || random() % 4 < (is_growing ? 3U : 1U)) {
      const std::uint64_t value = random();
      const std::uint32_t slot = pool.create(value);
      ASSERT_TRUE(model.emplace(slot, value).second);
    } else {
      auto chosen = model.lower_bound(static_cast<std::uint32_t>(random() % 80'000));
      if (chosen == model.end()) chosen = model.begin();
      ASSERT_EQ(pool[chosen->first].value, chosen->second);
      pool.destroy(chosen->first);
      model.erase(chosen);
    }
  }
  ASSERT_EQ(pool.size(), model.size());
  auto expected = model.begin();
  pool.for_each([&](std::uint32_t slot, const Record& record) {
    ASSERT_EQ(slot, expected->first);
    ASSERT_EQ(record.value, expected->second);
    ++expected;
  });
}

TEST(linked_list, keeps_the_order_of_arrival_when_any_member_leaves) {
  RegionPool regions;
  RecordPool pool(regions);
  RecordList list;
  std::vector<std::uint32_t> slots;
  for (std::uint64_t i = 0; i < 5; ++i) {
    slots.push_back(pool.create(i));
    list.push_back(pool, slots.back());
  }
  const auto values = [&] {
    std::vector<std::uint64_t> found;
    list.for_each(pool, [&](std::uint32_t slot) { found.push_back(pool[slot].value); });
    return found;
  };
  EXPECT_EQ(values(), (std::vector<std::uint64_t>{0, 1, 2, 3, 4}));
  list.erase(pool, slots[2]);
  list.erase(pool, slots[0]);
  list.erase(pool, slots[4]);
  EXPECT_EQ(values(), (std::vector<std::uint64_t>{1, 3}));
  list.push_back(pool, slots[0]);
  EXPECT_EQ(values(), (std::vector<std::uint64_t>{1, 3, 0}));
  for (const std::size_t i : {1U, 3U, 0U}) list.erase(pool, slots[i]);
  EXPECT_TRUE(list.empty());
}

TEST(block_store, serves_every_size_from_the_smallest_block_that_holds_it) {
  for (std::size_t bytes = 1; bytes <= BlockStore::slab_block_bytes_max; ++bytes) {
    const std::size_t size_class = BlockStore::class_of(bytes);
    ASSERT_LT(size_class, BlockStore::size_classes);
    ASSERT_GE(BlockStore::class_bytes(size_class), bytes);
    if (size_class > 0) {
      ASSERT_LT(BlockStore::class_bytes(size_class - 1), bytes);
    }
  }
}

TEST(block_store, wastes_at_most_a_fifth_of_a_block_beyond_the_small_ones) {
  for (std::size_t bytes = 257; bytes <= BlockStore::slab_block_bytes_max; ++bytes) {
    ASSERT_LE(BlockStore::class_bytes(BlockStore::class_of(bytes)) * 4, bytes * 5 + 3);
  }
}

TEST(block_store, keeps_the_bytes_of_every_block_on_random_histories) {
  std::mt19937_64 random(5);
  RegionPool regions;
  struct Block {
    char* start;
    std::size_t bytes;
    char filling;
  };
  {
    BlockStore store(regions);
    std::vector<Block> blocks;
    for (int step = 0; step < 20'000; ++step) {
      if (blocks.empty() || random() % 5 < 3) {
        const std::size_t bytes = random() % (std::size_t{1} << (random() % 18));
        Block block{store.allocate(bytes), bytes, static_cast<char>(random())};
        ASSERT_EQ(block.start == nullptr, bytes == 0);
        if (bytes > 0) {
          ASSERT_EQ(reinterpret_cast<std::uintptr_t>(block.start) % 16, 0);
          std::memset(block.start, block.filling, bytes);
        }
        blocks.push_back(block);
      } else {
        std::swap(blocks[random() % blocks.size()], blocks.back());
        const Block& block = blocks.back();
        for (std::size_t i = 0; i < block.bytes; ++i) ASSERT_EQ(block.start[i], block.filling);
        store.free(block.start, block.bytes);
        blocks.pop_back();
      }
    }
    // Half of what is left is freed by hand; the rest must go with the store.
    for (std::size_t i = 0; i < blocks.size() / 2; ++i) {
      store.free(blocks[i].start, blocks[i].bytes);
    }
  }
}

TEST(block_store, gives_slabs_back_when_their_blocks_are_freed) {
  RegionPool regions;
  BlockStore store(regions);
  std::vector<char*> blocks;
  blocks.reserve(100'000);
  for (int i = 0; i < 100'000; ++i) blocks.push_back(store.allocate(64));
  EXPECT_GE(regions.taken() * RegionPool::region_bytes, 100'000 * 64);
  for (char* block : blocks) store.free(block, 64);
  EXPECT_EQ(store.size(), 0);
  EXPECT_LE(regions.taken(), 1);
}

}  // namespace
}  // namespace gman::engine
