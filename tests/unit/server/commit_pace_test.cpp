// SPDX-License-Identifier: BSD-3-Clause
#include "server/net/commit_pace.hpp"

#include <gtest/gtest.h>

namespace gman {
namespace {

using std::chrono::microseconds;

constexpr Instant start{std::chrono::hours(1)};

TEST(commit_pace, waits_until_all_who_were_told_are_back) {
  CommitPace pace;
  pace.committed(2, microseconds(200), start);
  EXPECT_TRUE(pace.waits(start));
  pace.came_back();
  EXPECT_TRUE(pace.waits(start + microseconds(50)));
  pace.came_back();
  EXPECT_FALSE(pace.waits(start + microseconds(60)));
  EXPECT_EQ(pace.deadline(), std::nullopt);
}

TEST(commit_pace, waits_for_no_longer_than_half_a_commit_and_never_long) {
  CommitPace pace;
  pace.committed(1, microseconds(200), start);
  EXPECT_EQ(pace.deadline(), start + microseconds(100));
  EXPECT_TRUE(pace.waits(start + microseconds(99)));
  EXPECT_FALSE(pace.waits(start + microseconds(100)));
  pace.committed(1, std::chrono::seconds(1), start);
  EXPECT_EQ(pace.deadline(), start + CommitPace::pause_max);
}

TEST(commit_pace, waits_for_nobody_when_nobody_was_told) {
  CommitPace pace;
  pace.committed(0, microseconds(200), start);
  EXPECT_FALSE(pace.waits(start));
}

TEST(commit_pace, stops_waiting_for_clients_that_do_not_come_back_and_tries_again_later) {
  CommitPace pace;
  const auto pauses = [&] {
    pace.committed(1, microseconds(200), start);
    const bool has_waited = pace.waits(start);
    static_cast<void>(pace.waits(start + microseconds(200)));
    return has_waited;
  };
  int in_vain = 0;
  for (int commit = 0; commit < 100; ++commit) in_vain += pauses() ? 1 : 0;
  EXPECT_LT(in_vain, 10);
  bool waits_again = false;
  for (int commit = 0; commit < 100 && !waits_again; ++commit) {
    pace.committed(1, microseconds(200), start);
    waits_again = pace.waits(start);
    pace.came_back();
  }
  EXPECT_TRUE(waits_again);
  EXPECT_TRUE(pauses());
}

}  // namespace
}  // namespace gman
