// SPDX-License-Identifier: BSD-3-Clause
#include "base/pages.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <string_view>

namespace gman {
namespace {

constexpr std::size_t bytes = 64u << 10;

TEST(pages, are_zero_when_mapped_and_again_when_discarded) {
  char* const start = static_cast<char*>(map_pages(bytes));
  const auto is_zero = [&] {
    return std::ranges::all_of(std::string_view(start, bytes), [](char c) { return c == 0; });
  };
  EXPECT_TRUE(is_zero());
  std::memset(start, 'x', bytes);
  discard_pages(start, bytes);
  EXPECT_TRUE(is_zero());
  unmap_pages(start, bytes);
}

TEST(pages, that_cannot_be_had_are_an_exception) {
  EXPECT_THROW(static_cast<void>(map_pages(std::size_t{1} << 60)), std::bad_alloc);
}

}  // namespace
}  // namespace gman
