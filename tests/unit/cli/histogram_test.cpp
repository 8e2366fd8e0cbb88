// SPDX-License-Identifier: BSD-3-Clause
#include "cli/load/histogram.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace gman::cli::load {
namespace {

TEST(histogram, has_no_percentile_of_nothing) {
  const Histogram nothing;
  EXPECT_EQ(nothing.count(), 0);
  EXPECT_EQ(nothing.percentile(0.5), 0);
  EXPECT_EQ(nothing.max(), 0);
}

TEST(histogram, puts_each_value_between_the_bounds_of_its_bucket) {
  for (unsigned bit = 0; bit < 64; ++bit) {
    for (const std::int64_t off : {-1, 0, 1}) {
      const std::uint64_t value = (std::uint64_t{1} << bit) + static_cast<std::uint64_t>(off);
      const std::size_t bucket = Histogram::bucket_of(value);
      EXPECT_LE(Histogram::lower_bound_of(bucket), value) << value;
      const bool is_last = value > std::numeric_limits<std::uint64_t>::max() / 2;
      if (is_last) continue;
      EXPECT_GT(Histogram::lower_bound_of(bucket + 1), value) << value;
    }
  }
}

TEST(histogram, tells_a_value_to_within_a_sixty_fourth) {
  for (std::uint64_t value = 1; value < std::uint64_t{1} << 60; value = value * 3 + 1) {
    const std::uint64_t told = Histogram::lower_bound_of(Histogram::bucket_of(value));
    EXPECT_LE(value - told, value / 64) << value;
  }
}

TEST(histogram, takes_the_largest_number) {
  Histogram histogram;
  histogram.add(std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(histogram.max(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_GT(histogram.percentile(0.5), std::uint64_t{1} << 63);
}

TEST(histogram, finds_percentiles_of_values_added_by_the_bundle) {
  Histogram histogram;
  histogram.add(10, 50);
  histogram.add(20, 40);
  histogram.add(30, 10);
  EXPECT_EQ(histogram.count(), 100);
  EXPECT_EQ(histogram.percentile(0), 10);
  EXPECT_EQ(histogram.percentile(0.49), 10);
  EXPECT_EQ(histogram.percentile(0.5), 20);
  EXPECT_EQ(histogram.percentile(0.89), 20);
  EXPECT_EQ(histogram.percentile(0.9), 30);
  EXPECT_EQ(histogram.percentile(0.99), 30);
  EXPECT_EQ(histogram.max(), 30);
}

}  // namespace
}  // namespace gman::cli::load
