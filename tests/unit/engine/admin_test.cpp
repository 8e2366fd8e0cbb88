// SPDX-License-Identifier: BSD-3-Clause
// What operators ask and order.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/engine/scenario.hpp"

namespace gman::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(admin_status, counts_jobs_and_workers_by_function) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    w1 > CAN_DO g
    w2 > CAN_DO f
    c1 > SUBMIT_JOB_HIGH_BG f '' 1              =>  c1 < JOB_CREATED H:1
    c1 > SUBMIT_JOB_BG f '' 2                   =>  c1 < JOB_CREATED H:2
    c1 > SUBMIT_JOB_LOW_BG f '' 3               =>  c1 < JOB_CREATED H:3
    c1 > SUBMIT_JOB_LOW_BG f '' 4               =>  c1 < JOB_CREATED H:4
    c1 > SUBMIT_JOB_EPOCH f '' 1795305660 later =>  c1 < JOB_CREATED H:5
    w1 > GRAB_JOB                               =>  w1 < JOB_ASSIGN H:1 f 1
  )");
  const auto rows = scenario.engine().status();
  ASSERT_EQ(rows.size(), 2);
  EXPECT_EQ(rows[0].function, "f");
  EXPECT_EQ(rows[0].total, 5);
  EXPECT_EQ(rows[0].running, 1);
  EXPECT_EQ(rows[0].workers, 2);
  EXPECT_EQ(rows[1].function, "g");
  EXPECT_EQ(rows[1].total, 0);
  EXPECT_EQ(rows[1].workers, 1);

  const auto by_priority = scenario.engine().priority_status();
  ASSERT_EQ(by_priority.size(), 2);
  EXPECT_THAT(by_priority[0].queued, ElementsAre(0, 2, 2));
  EXPECT_EQ(by_priority[0].workers, 2);
}

TEST(admin_workers, lists_the_functions_of_a_connection) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    w1 > CAN_DO g
    w1 > CAN_DO h
    w1 > CANT_DO f
    c1 connects
  )");
  EXPECT_THAT(scenario.engine().functions_of(scenario.peer("w1")), ElementsAre("h", "g"));
  EXPECT_THAT(scenario.engine().functions_of(scenario.peer("c1")), IsEmpty());
}

TEST(admin_show, lists_jobs_with_retries_and_uniques) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB_BG f u1 1  =>  c1 < JOB_CREATED H:1
    c1 > SUBMIT_JOB f '' 2     =>  c1 < JOB_CREATED H:2
    c1 > SUBMIT_JOB_BG f - 3   =>  c1 < JOB_CREATED H:3
    w1 > GRAB_JOB              =>  w1 < JOB_ASSIGN H:1 f 1
    w1 disconnects
    w2 > CAN_DO f
    w2 > GRAB_JOB              =>  w2 < JOB_ASSIGN H:2 f 2
    c1 disconnects
  )");
  const auto rows = scenario.engine().jobs();
  ASSERT_EQ(rows.size(), 3);
  EXPECT_EQ(rows[0].handle, "H:1");
  EXPECT_EQ(rows[0].retries, 1);
  EXPECT_FALSE(rows[0].ignored);
  EXPECT_EQ(rows[1].handle, "H:2");
  EXPECT_EQ(rows[1].retries, 0);
  EXPECT_TRUE(rows[1].ignored);
  EXPECT_EQ(rows[2].handle, "H:3");
  EXPECT_THAT(scenario.engine().uniques(), ElementsAre("u1", "-"));
}

TEST(admin_cancel, removes_a_queued_job_and_tells_its_clients) {
  Scenario scenario;
  scenario.run(R"(
    c1 > SUBMIT_JOB f u1 1  =>  c1 < JOB_CREATED H:1
    c2 > SUBMIT_JOB f u1 1  =>  c2 < JOB_CREATED H:1
    cancel H:1              =>  c1 < WORK_FAIL H:1 ; c2 < WORK_FAIL H:1 ; cancelled
                            =>  f has 0 queued, 0 running
    cancel H:1              =>  unknown job
    cancel H:99             =>  unknown job
    c1 > SUBMIT_JOB f u1 1  =>  c1 < JOB_CREATED H:2
  )");
}

TEST(admin_cancel, removes_a_job_that_waits_for_its_time) {
  Scenario scenario;
  scenario.run(R"(
    c1 > SUBMIT_JOB_EPOCH f u1 1795305660 later  =>  c1 < JOB_CREATED H:1
    cancel H:1                                   =>  cancelled ; no deadline
    +2min                                        =>  f has 0 queued, 0 running
  )");
}

TEST(admin_cancel, lets_a_running_job_end_unheard_and_frees_its_unique) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB f u1 1       =>  c1 < JOB_CREATED H:1
    w1 > GRAB_JOB                =>  w1 < JOB_ASSIGN H:1 f 1
    cancel H:1                   =>  c1 < WORK_FAIL H:1 ; cancelled ; f has 0 queued, 1 running
    c1 > SUBMIT_JOB f u1 2       =>  c1 < JOB_CREATED H:2
    w1 > WORK_STATUS H:1 1 2
    w1 > WORK_COMPLETE H:1 done  =>  f has 1 queued, 0 running
    w1 > GRAB_JOB                =>  w1 < JOB_ASSIGN H:2 f 2
  )");
}

TEST(admin_cancel, does_not_requeue_a_cancelled_job_whose_worker_is_lost) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO_TIMEOUT f 1000
    c1 > SUBMIT_JOB_BG f u1 1  =>  c1 < JOB_CREATED H:1
    c1 > SUBMIT_JOB_BG f u2 2  =>  c1 < JOB_CREATED H:2
    w1 > GRAB_JOB              =>  w1 < JOB_ASSIGN H:1 f 1
    w1 > GRAB_JOB              =>  w1 < JOB_ASSIGN H:2 f 2
    cancel H:1                 =>  cancelled
    cancel H:1                 =>  cancelled
    +1s                        =>  f has 1 queued, 0 running
    w1 > GRAB_JOB              =>  w1 < JOB_ASSIGN H:2 f 2
    cancel H:2                 =>  cancelled
    w1 disconnects             =>  f has 0 queued, 0 running
  )");
}

TEST(admin_functions, are_listed_once_created) {
  Scenario scenario({.functions_max = 1});
  scenario.run(R"(
    create f
    create f
    create g
  )");
  ASSERT_EQ(scenario.engine().status().size(), 1);
  EXPECT_EQ(scenario.engine().status()[0].function, "f");
}

TEST(admin_functions, are_dropped_only_without_jobs_and_workers) {
  Scenario scenario;
  scenario.run(R"(
    drop f                       =>  not found
    w1 > CAN_DO f
    drop f                       =>  in use
    c1 > SUBMIT_JOB f '' 1       =>  c1 < JOB_CREATED H:1
    w1 > GRAB_JOB                =>  w1 < JOB_ASSIGN H:1 f 1
    w1 > CANT_DO f
    drop f                       =>  in use
    w1 > WORK_COMPLETE H:1 done  =>  c1 < WORK_COMPLETE H:1 done
    c1 > SUBMIT_JOB_BG f '' 2    =>  c1 < JOB_CREATED H:2
    drop f                       =>  in use
    cancel H:2                   =>  cancelled
    drop f                       =>  dropped
    drop f                       =>  not found
    c1 > SUBMIT_JOB_BG g u1 3    =>  c1 < JOB_CREATED H:3
    c1 > SUBMIT_JOB_BG f u1 4    =>  c1 < JOB_CREATED H:4
    w1 > CAN_DO f
    w1 > GRAB_JOB                =>  w1 < JOB_ASSIGN H:4 f 4
  )");
}

TEST(admin_maxqueue, limits_each_priority_by_the_jobs_that_wait) {
  Scenario scenario;
  scenario.run(R"(
    maxqueue f 3 2 1
    c1 > SUBMIT_JOB_LOW_BG f '' 1   =>  c1 < JOB_CREATED H:1
    c1 > SUBMIT_JOB_LOW_BG f '' 2   =>  c1 < ERROR QUEUE_ERROR Job queue is full
    c1 > SUBMIT_JOB_BG f '' 3       =>  c1 < JOB_CREATED H:2
    c1 > SUBMIT_JOB_BG f '' 4       =>  c1 < ERROR QUEUE_ERROR Job queue is full
    c1 > SUBMIT_JOB_HIGH_BG f '' 5  =>  c1 < JOB_CREATED H:3
    c1 > SUBMIT_JOB_HIGH_BG f '' 6  =>  c1 < ERROR QUEUE_ERROR Job queue is full
    maxqueue f 0 0 0
    c1 > SUBMIT_JOB_LOW_BG f '' 7   =>  c1 < JOB_CREATED H:4
  )");
}

TEST(admin_maxqueue, overrides_the_default_and_outlives_the_function) {
  Scenario scenario({.function_queue_max = 1});
  scenario.run(R"(
    maxqueue f 2 2 2
    c1 > SUBMIT_JOB_BG f '' 1  =>  c1 < JOB_CREATED H:1
    c1 > SUBMIT_JOB_BG f '' 2  =>  c1 < JOB_CREATED H:2
    c1 > SUBMIT_JOB_BG f '' 3  =>  c1 < ERROR QUEUE_ERROR Job queue is full
    cancel H:1                 =>  cancelled
    cancel H:2                 =>  cancelled
    drop f                     =>  dropped
    c1 > SUBMIT_JOB_BG f '' 1  =>  c1 < JOB_CREATED H:3
    c1 > SUBMIT_JOB_BG f '' 2  =>  c1 < JOB_CREATED H:4
    c1 > SUBMIT_JOB_BG f '' 3  =>  c1 < ERROR QUEUE_ERROR Job queue is full
  )");
}

}  // namespace
}  // namespace gman::test
