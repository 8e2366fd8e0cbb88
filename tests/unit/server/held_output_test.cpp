// SPDX-License-Identifier: BSD-3-Clause
#include "server/net/held_output.hpp"

#include <gtest/gtest.h>

#include <string>

namespace gman {
namespace {

std::string released(HeldOutput& held, std::uint64_t batch) {
  std::string all;
  held.release(batch, [&](std::string_view bytes) { all += bytes; });
  return all;
}

TEST(held_output, what_follows_a_promise_goes_out_behind_it) {
  HeldOutput held;
  held.promise(3, "created 1;");
  held.follow("echo;");
  held.promise(4, "created 2;");
  held.follow("status;");
  EXPECT_EQ(released(held, 2), "");
  EXPECT_EQ(held.size(), 32u);
  EXPECT_EQ(released(held, 3), "created 1;echo;");
  EXPECT_EQ(released(held, 4), "created 2;status;");
  EXPECT_TRUE(held.empty());
  EXPECT_EQ(held.size(), 0u);
}

TEST(held_output, tells_what_is_due_and_leaves_out_what_was_sent_of_it) {
  HeldOutput held;
  held.promise(3, "created 1;");
  held.follow("echo;");
  held.promise(4, "created 2;");
  EXPECT_EQ(held.due(2), "");
  EXPECT_EQ(held.due(3), "created 1;echo;");
  EXPECT_EQ(held.due(4), "created 1;echo;created 2;");
  held.drop(12);
  EXPECT_EQ(held.due(3), "ho;");
  held.promise(4, "created 3;");
  EXPECT_EQ(released(held, 3), "ho;");
  held.drop(10);
  EXPECT_EQ(released(held, 4), "created 3;");
  EXPECT_TRUE(held.empty());
}

TEST(held_output, is_empty_when_what_was_sent_has_been_released) {
  HeldOutput held;
  held.promise(3, "created 1;");
  held.drop(10);
  EXPECT_FALSE(held.empty());  // whoever follows still waits for the news of the batch
  EXPECT_EQ(released(held, 3), "");
  EXPECT_TRUE(held.empty());
}

TEST(held_output, an_earlier_batch_waits_behind_a_later_one) {
  HeldOutput held;
  held.promise(5, "later;");
  held.promise(4, "earlier;");
  EXPECT_EQ(released(held, 4), "");
  EXPECT_EQ(released(held, 5), "later;earlier;");
}

TEST(held_output, only_promises_of_what_is_not_stored_are_broken) {
  HeldOutput held;
  held.promise(5, "a;");
  held.promise(4, "b;");
  held.follow("c;");
  std::string kept;
  std::string broken;
  held.give_up(
      4, [&](std::string_view bytes, bool is_broken) { (is_broken ? broken : kept) += bytes; });
  EXPECT_EQ(broken, "a;");
  EXPECT_EQ(kept, "b;c;");
  EXPECT_TRUE(held.empty());
}

}  // namespace
}  // namespace gman
