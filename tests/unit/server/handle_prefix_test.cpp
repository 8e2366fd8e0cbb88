// SPDX-License-Identifier: BSD-3-Clause
#include "server/net/handle_prefix.hpp"

#include <gtest/gtest.h>

#include <string>

namespace gman {
namespace {

WallTime at(std::int64_t ms) {
  return WallTime(milliseconds(ms));
}

TEST(handle_prefix, says_the_host_and_the_start_in_base_36) {
  EXPECT_EQ(handle_prefix("db1", at(36 * 36 + 35)), "H:db1:10z");
}

TEST(handle_prefix, differs_between_two_starts_a_millisecond_apart) {
  EXPECT_NE(handle_prefix("db1", at(1'700'000'000'000)),
            handle_prefix("db1", at(1'700'000'000'001)));
}

TEST(handle_prefix, stays_within_the_engines_40_bytes_for_centuries) {
  const std::string host(300, 'h');
  EXPECT_EQ(handle_prefix(host, at(1'700'000'000'000)).size(), 2u + 24 + 1 + 8);
  EXPECT_LE(handle_prefix(host, at(9'000'000'000'000)).size(), 40u);
}

TEST(handle_prefix, an_operators_longest_prefix_stays_within_them_too) {
  const std::string prefix(30, 'p');
  EXPECT_EQ(with_start(prefix, at(36 * 36 + 35)), prefix + ":10z");
  EXPECT_LE(with_start(prefix, at(9'000'000'000'000)).size(), 40u);
}

TEST(handle_prefix, keeps_a_handle_one_word_whatever_the_host_is_called) {
  EXPECT_EQ(handle_prefix("a b\tc", at(1)), "H:a_b_c:1");
}

}  // namespace
}  // namespace gman
