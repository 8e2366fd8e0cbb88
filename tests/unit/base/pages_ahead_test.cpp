// SPDX-License-Identifier: BSD-3-Clause
#include "base/pages_ahead.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "base/pages.hpp"

namespace gman {
namespace {

constexpr std::size_t page_bytes = 4096;
constexpr std::size_t bytes = 64 * page_bytes;

class Memory {
 public:
  Memory() : start_(map_pages(bytes)) {}
  ~Memory() { unmap_pages(start_, bytes); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  [[nodiscard]] void* start() const { return start_; }
  [[nodiscard]] std::size_t resident_pages() const {
    std::vector<unsigned char> pages(bytes / page_bytes);
    EXPECT_EQ(::mincore(start_, bytes, pages.data()), 0);
    return static_cast<std::size_t>(
        std::ranges::count_if(pages, [](unsigned char page) { return (page & 1) != 0; }));
  }

 private:
  void* start_;
};

void* take_patiently(PagesAhead& ahead) {
  void* start = nullptr;
  while ((start = ahead.take()) == nullptr) std::this_thread::yield();
  return start;
}

TEST(pages_ahead, what_is_taken_is_touched_and_comes_in_the_order_given) {
  const Memory first, second;
  ASSERT_EQ(first.resident_pages(), 0u);
  PagesAhead ahead;
  EXPECT_EQ(ahead.take(), nullptr);
  ahead.give(first.start(), bytes);
  ahead.give(second.start(), bytes);
  EXPECT_EQ(ahead.count(), 2u);
  EXPECT_EQ(take_patiently(ahead), first.start());
  EXPECT_EQ(take_patiently(ahead), second.start());
  EXPECT_EQ(first.resident_pages(), bytes / page_bytes);
  EXPECT_EQ(second.resident_pages(), bytes / page_bytes);
  EXPECT_EQ(ahead.count(), 0u);
  EXPECT_EQ(ahead.take(), nullptr);
}

TEST(pages_ahead, what_it_is_to_forget_may_be_unmapped_at_once) {
  PagesAhead ahead;
  for (int round = 0; round < 20; ++round) {
    const Memory first, second, third;
    for (const Memory* memory : {&first, &second, &third}) ahead.give(memory->start(), bytes);
    ahead.clear();
    EXPECT_EQ(ahead.count(), 0u);
    EXPECT_EQ(ahead.take(), nullptr);
  }
}

TEST(pages_ahead, ends_with_what_nobody_takes) {
  const Memory memory;
  PagesAhead ahead;
  ahead.give(memory.start(), bytes);
}

}  // namespace
}  // namespace gman
