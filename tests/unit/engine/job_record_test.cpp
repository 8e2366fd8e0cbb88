// SPDX-License-Identifier: BSD-3-Clause
// JobChanges: batches that a full store gives back are joined with later ones.
#include "server/engine/job_record.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gman {
namespace {

using testing::ElementsAre;

TEST(job_changes, are_appended_in_their_order_with_their_texts) {
  JobChanges changes;
  changes.add({.number = 1, .function = "f", .workload = "one"});
  changes.requeue({.number = 1, .position = 5, .attempts_lost = 1});
  changes.remove(1);
  JobChanges later;
  later.add({.number = 2, .function = "g", .unique = "u", .workload = "two"});
  later.requeue({.number = 1, .position = 6, .attempts_lost = 2});
  later.remove(2);
  changes.append(later);
  ASSERT_EQ(changes.added_count(), 2u);
  EXPECT_EQ(changes.added(0), (JobRecord{.number = 1, .function = "f", .workload = "one"}));
  EXPECT_EQ(changes.added(1),
            (JobRecord{.number = 2, .function = "g", .unique = "u", .workload = "two"}));
  EXPECT_THAT(changes.requeued(), ElementsAre(JobRequeued{1, 5, 1}, JobRequeued{1, 6, 2}));
  EXPECT_THAT(changes.removed(), ElementsAre(1, 2));
}

TEST(job_changes, are_split_into_what_takes_room_and_what_does_not) {
  JobChanges changes;
  for (const JobNumber number : {7, 3}) changes.add({.number = number});
  for (const JobNumber number : {2, 3, 9}) changes.remove(number);
  changes.requeue({.number = 7, .position = 1, .attempts_lost = 1});
  changes.requeue({.number = 8, .position = 2, .attempts_lost = 1});
  const JobChanges ending = changes.without_added();
  EXPECT_EQ(ending.added_count(), 0u);
  EXPECT_THAT(ending.removed(), ElementsAre(2, 3, 9));
  EXPECT_EQ(ending.requeued().size(), 2u);
  changes.keep_only_added();
  EXPECT_EQ(changes.added_count(), 2u);
  EXPECT_THAT(changes.removed(), ElementsAre(3));
  EXPECT_THAT(changes.requeued(), ElementsAre(JobRequeued{7, 1, 1}));
}

}  // namespace
}  // namespace gman
