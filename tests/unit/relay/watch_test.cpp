// SPDX-License-Identifier: BSD-3-Clause
#include "relay/core/watch.hpp"

#include <gtest/gtest.h>

namespace gman::relay {
namespace {

constexpr Look look{.wait_first = milliseconds(1), .wait_max = milliseconds(25)};

Looked due_in(int ms) {
  return {{{.group = {}, .due_in = milliseconds(ms)}}};
}

TEST(watch, waits_longer_after_each_look_that_finds_nothing_up_to_the_longest) {
  auto watch = Watch::after(look, {});
  ASSERT_TRUE(watch);
  for (const int wait : {1, 2, 4, 8, 16, 25, 25}) {
    EXPECT_EQ(watch->wait(), milliseconds(wait));
    EXPECT_TRUE(watch->goes_on({}));
  }
}

TEST(watch, begins_again_when_it_is_told_that_there_is_something) {
  auto watch = Watch::after(look, {});
  ASSERT_TRUE(watch);
  while (watch->wait() < look.wait_max) ASSERT_TRUE(watch->goes_on({}));
  watch->begin_again();
  EXPECT_EQ(watch->wait(), look.wait_first);
}

TEST(watch, waits_no_longer_than_until_something_is_due) {
  auto watch = Watch::after(look, due_in(1'000));
  ASSERT_TRUE(watch);
  EXPECT_EQ(watch->wait(), look.wait_first);
  while (watch->wait() < look.wait_max) ASSERT_TRUE(watch->goes_on({}));
  EXPECT_TRUE(watch->goes_on(due_in(3)));
  EXPECT_EQ(watch->wait(), milliseconds(3));
}

TEST(watch, is_over_when_something_is_due) {
  EXPECT_FALSE(Watch::after(look, due_in(0)));
  auto watch = Watch::after(look, {});
  ASSERT_TRUE(watch);
  EXPECT_FALSE(watch->goes_on(due_in(-5)));
}

}  // namespace
}  // namespace gman::relay
