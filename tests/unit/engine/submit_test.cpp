// SPDX-License-Identifier: BSD-3-Clause
// A job comes: all nine kinds of submit, their order, their limits, and jobs that wait for a time.
#include <gtest/gtest.h>

#include "tests/unit/engine/scenario.hpp"

namespace gman::test {
namespace {

TEST(submit, gives_a_job_to_a_worker_and_its_result_to_the_client) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO resize
    c1 > SUBMIT_JOB resize u1 cat.png  =>  c1 < JOB_CREATED H:1
    w1 > GRAB_JOB                      =>  w1 < JOB_ASSIGN H:1 resize cat.png
                                       =>  resize has 0 queued, 1 running
    w1 > WORK_COMPLETE H:1 small.png   =>  c1 < WORK_COMPLETE H:1 small.png
                                       =>  resize has 0 queued, 0 running
    w1 > GRAB_JOB                      =>  w1 < NO_JOB
  )");
}

TEST(submit, keeps_a_job_of_a_function_that_no_worker_knows_yet) {
  Scenario scenario;
  scenario.run(R"(
    c1 > SUBMIT_JOB_BG later '' data  =>  c1 < JOB_CREATED H:1 ; later has 1 queued, 0 workers
    w1 > CAN_DO later
    w1 > GRAB_JOB                     =>  w1 < JOB_ASSIGN H:1 later data
  )");
}

TEST(submit, serves_the_six_kinds_by_priority_and_then_by_arrival) {
  Scenario scenario;
  scenario.run(R"(
    c1 > SUBMIT_JOB_LOW_BG f '' low-bg     =>  c1 < JOB_CREATED H:1
    c1 > SUBMIT_JOB_LOW f '' low           =>  c1 < JOB_CREATED H:2
    c1 > SUBMIT_JOB_BG f '' normal-bg      =>  c1 < JOB_CREATED H:3
    c1 > SUBMIT_JOB f '' normal            =>  c1 < JOB_CREATED H:4
    c1 > SUBMIT_JOB_HIGH_BG f '' high-bg   =>  c1 < JOB_CREATED H:5
    c1 > SUBMIT_JOB_HIGH f '' high         =>  c1 < JOB_CREATED H:6
    w1 > CAN_DO f
    w1 > GRAB_JOB  =>  w1 < JOB_ASSIGN H:5 f high-bg
    w1 > GRAB_JOB  =>  w1 < JOB_ASSIGN H:6 f high
    w1 > GRAB_JOB  =>  w1 < JOB_ASSIGN H:3 f normal-bg
    w1 > GRAB_JOB  =>  w1 < JOB_ASSIGN H:4 f normal
    w1 > GRAB_JOB  =>  w1 < JOB_ASSIGN H:1 f low-bg
    w1 > GRAB_JOB  =>  w1 < JOB_ASSIGN H:2 f low
    w1 > GRAB_JOB  =>  w1 < NO_JOB
    w1 > WORK_COMPLETE H:5 done
    w1 > WORK_COMPLETE H:6 done  =>  c1 < WORK_COMPLETE H:6 done
    w1 > WORK_COMPLETE H:1 done
    w1 > WORK_COMPLETE H:2 done  =>  c1 < WORK_COMPLETE H:2 done
  )");
}

TEST(submit, accepts_empty_workloads) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB f '' ''   =>  c1 < JOB_CREATED H:1
    c1 > SUBMIT_JOB f id ''   =>  c1 < JOB_CREATED H:2
    w1 > GRAB_JOB             =>  w1 < JOB_ASSIGN H:1 f ''
    w1 > GRAB_JOB_UNIQ        =>  w1 < JOB_ASSIGN_UNIQ H:2 f id ''
  )");
}

TEST(submit, runs_a_background_job_after_its_client_left) {
  Scenario scenario;
  scenario.run(R"(
    c1 > SUBMIT_JOB_BG f '' data  =>  c1 < JOB_CREATED H:1
    c1 disconnects                =>  f has 1 queued, 0 running
    w1 > CAN_DO f
    w1 > GRAB_JOB                 =>  w1 < JOB_ASSIGN H:1 f data
    w1 > WORK_COMPLETE H:1 done   =>  f has 0 queued, 0 running
  )");
}

TEST(submit, drops_a_queued_foreground_job_when_its_last_client_leaves) {
  Scenario scenario;
  scenario.run(R"(
    c1 > SUBMIT_JOB f u1 data  =>  c1 < JOB_CREATED H:1
    c2 > SUBMIT_JOB f u1 data  =>  c2 < JOB_CREATED H:1
    c1 disconnects             =>  f has 1 queued, 0 running
    c2 disconnects             =>  f has 0 queued, 0 running
    w1 > CAN_DO f
    w1 > GRAB_JOB              =>  w1 < NO_JOB
  )");
}

TEST(submit, lets_a_running_foreground_job_go_on_unheard_when_its_last_client_leaves) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB f u1 data    =>  c1 < JOB_CREATED H:1
    w1 > GRAB_JOB                =>  w1 < JOB_ASSIGN H:1 f data
    c1 disconnects               =>  f has 0 queued, 1 running
    w1 > WORK_DATA H:1 half
    w1 > WORK_COMPLETE H:1 done  =>  f has 0 queued, 0 running
  )");
}

TEST(submit, never_gives_the_same_handle_twice) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB f '' 1     =>  c1 < JOB_CREATED H:1
    w1 > GRAB_JOB              =>  w1 < JOB_ASSIGN H:1 f 1
    w1 > WORK_COMPLETE H:1 r1  =>  c1 < WORK_COMPLETE H:1 r1
    c1 > SUBMIT_JOB f '' 2     =>  c1 < JOB_CREATED H:2
    w1 > GRAB_JOB              =>  w1 < JOB_ASSIGN H:2 f 2
    w1 > WORK_COMPLETE H:1 r1  =>  w1 < ERROR JOB_NOT_FOUND Job given in work result not found
    w1 > WORK_COMPLETE H:2 r2  =>  c1 < WORK_COMPLETE H:2 r2
  )");
}

TEST(submit, refuses_a_job_when_as_many_wait_as_the_function_may_have) {
  Scenario scenario({.function_queue_max = 2});
  scenario.run(R"(
    c1 > SUBMIT_JOB_BG f '' 1    =>  c1 < JOB_CREATED H:1
    c1 > SUBMIT_JOB_LOW f '' 2   =>  c1 < JOB_CREATED H:2
    c1 > SUBMIT_JOB_HIGH f '' 3  =>  c1 < ERROR QUEUE_ERROR Job queue is full
    c1 > SUBMIT_JOB_BG g '' 4    =>  c1 < JOB_CREATED H:3
    w1 > CAN_DO f
    w1 > GRAB_JOB                =>  w1 < JOB_ASSIGN H:1 f 1
    c1 > SUBMIT_JOB_BG f '' 5    =>  c1 < JOB_CREATED H:4
    c1 > SUBMIT_JOB_BG f '' 6    =>  c1 < ERROR QUEUE_ERROR Job queue is full
  )");
}

TEST(submit, puts_a_lost_job_back_into_a_full_queue) {
  Scenario scenario({.function_queue_max = 1});
  scenario.run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB_BG f '' 1  =>  c1 < JOB_CREATED H:1
    w1 > GRAB_JOB              =>  w1 < JOB_ASSIGN H:1 f 1
    c1 > SUBMIT_JOB_BG f '' 2  =>  c1 < JOB_CREATED H:2
    w1 disconnects             =>  f has 2 queued, 0 running
    c1 > SUBMIT_JOB_BG f '' 3  =>  c1 < ERROR QUEUE_ERROR Job queue is full
  )");
}

TEST(submit, joins_a_job_of_a_full_queue) {
  Scenario scenario({.function_queue_max = 1});
  scenario.run(R"(
    c1 > SUBMIT_JOB_BG f u1 1  =>  c1 < JOB_CREATED H:1
    c2 > SUBMIT_JOB f u1 2     =>  c2 < JOB_CREATED H:1
    c2 > SUBMIT_JOB f u2 2     =>  c2 < ERROR QUEUE_ERROR Job queue is full
  )");
}

TEST(submit, refuses_one_function_more_than_the_limit) {
  Scenario scenario({.functions_max = 2});
  scenario.run(R"(
    c1 > SUBMIT_JOB_BG f '' 1  =>  c1 < JOB_CREATED H:1
    c1 > SUBMIT_JOB_BG g '' 2  =>  c1 < JOB_CREATED H:2
    c1 > SUBMIT_JOB_BG h '' 3  =>  c1 < ERROR QUEUE_ERROR Too many functions
    c1 > SUBMIT_JOB_BG g '' 4  =>  c1 < JOB_CREATED H:3
    w1 > CAN_DO g
    w1 > CAN_DO h              =>  w1 closed: engine_limit
  )");
}

TEST(submit_reduce, tells_the_reducer_only_to_a_worker_that_asks_for_all) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO map
    c1 > SUBMIT_REDUCE_JOB map u1 sum '' one             =>  c1 < JOB_CREATED H:1
    c1 > SUBMIT_REDUCE_JOB map u2 sum '' two             =>  c1 < JOB_CREATED H:2
    c1 > SUBMIT_REDUCE_JOB_BACKGROUND map u3 sum '' tre  =>  c1 < JOB_CREATED H:3
    c1 > SUBMIT_JOB map u4 four                          =>  c1 < JOB_CREATED H:4
    w1 > GRAB_JOB_ALL            =>  w1 < JOB_ASSIGN_ALL H:1 map u1 sum one
    w1 > GRAB_JOB_UNIQ           =>  w1 < JOB_ASSIGN_UNIQ H:2 map u2 two
    w1 > GRAB_JOB                =>  w1 < JOB_ASSIGN H:3 map tre
    w1 > GRAB_JOB_ALL            =>  w1 < JOB_ASSIGN_UNIQ H:4 map u4 four
    w1 > WORK_COMPLETE H:1 1     =>  c1 < WORK_COMPLETE H:1 1
    w1 > WORK_COMPLETE H:3 3
  )");
}

// The story's wall clock starts at 2026-11-22 00:00:00 UTC, second 1795305600.
TEST(submit_reduce, runs_in_the_background_after_its_client_left_and_in_the_foreground_not) {
  Scenario scenario;
  scenario.run(R"(
    c1 > SUBMIT_REDUCE_JOB f u1 sum '' data             =>  c1 < JOB_CREATED H:1
    c1 > SUBMIT_REDUCE_JOB_BACKGROUND f u2 sum '' data  =>  c1 < JOB_CREATED H:2
    c1 disconnects                                      =>  f has 1 queued, 0 running
    w1 > CAN_DO f
    w1 > GRAB_JOB_ALL            =>  w1 < JOB_ASSIGN_ALL H:2 f u2 sum data
    w1 > WORK_COMPLETE H:2 done  =>  f has 0 queued, 0 running
  )");
}

TEST(submit_epoch, runs_at_its_time_and_wakes_a_worker_for_it) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    w1 > PRE_SLEEP
    c1 > SUBMIT_JOB_EPOCH f '' 1795305602 data  =>  c1 < JOB_CREATED H:1 ; a deadline
    w1 > GRAB_JOB                               =>  w1 < NO_JOB
    w1 > PRE_SLEEP                              =>  f has 1 scheduled, 0 running
    +1999ms
    +1ms                                        =>  w1 < NOOP
    w1 > GRAB_JOB                               =>  w1 < JOB_ASSIGN H:1 f data
    w1 > WORK_COMPLETE H:1 done                 =>  no deadline
  )");
}

TEST(submit_epoch, runs_at_once_when_its_time_is_now_or_past_or_no_number) {
  Scenario scenario;
  scenario.run(R"(
    c1 > SUBMIT_JOB_EPOCH f '' 1795305600 now    =>  c1 < JOB_CREATED H:1
    c1 > SUBMIT_JOB_EPOCH f '' 5 past            =>  c1 < JOB_CREATED H:2
    c1 > SUBMIT_JOB_EPOCH f '' soon word         =>  c1 < JOB_CREATED H:3
    c1 > SUBMIT_JOB_EPOCH f '' 1795305601 later  =>  c1 < JOB_CREATED H:4
    w1 > CAN_DO f
    w1 > GRAB_JOB  =>  w1 < JOB_ASSIGN H:1 f now
    w1 > GRAB_JOB  =>  w1 < JOB_ASSIGN H:2 f past
    w1 > GRAB_JOB  =>  w1 < JOB_ASSIGN H:3 f word
    w1 > GRAB_JOB  =>  w1 < NO_JOB
  )");
}

TEST(submit_epoch, follows_the_wall_clock_when_it_is_set) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    w1 > PRE_SLEEP
    c1 > SUBMIT_JOB_EPOCH f '' 1795309200 in-an-hour  =>  c1 < JOB_CREATED H:1
    c1 > SUBMIT_JOB_EPOCH f '' 1795312800 in-two      =>  c1 < JOB_CREATED H:2
    +30min
    wall clock +30min
    +1min                                             =>  w1 < NOOP
    w1 > GRAB_JOB                                     =>  w1 < JOB_ASSIGN H:1 f in-an-hour
    w1 > PRE_SLEEP
    wall clock -10min
    +68min
    +1min                                             =>  w1 < NOOP
  )");
}

TEST(submit_epoch, accepts_a_time_beyond_every_clock) {
  Scenario scenario;
  scenario.run(R"(
    c1 > SUBMIT_JOB_EPOCH f '' 9223372036854775807 never  =>  c1 < JOB_CREATED H:1
    +48h                                                  =>  f has 1 scheduled, 0 running
  )");
}

TEST(submit_epoch, joins_by_unique_and_counts_as_waiting) {
  Scenario scenario({.function_queue_max = 1});
  scenario.run(R"(
    c1 > SUBMIT_JOB_EPOCH f u1 1795305660 later  =>  c1 < JOB_CREATED H:1
    c2 > SUBMIT_JOB f u1 now                     =>  c2 < JOB_CREATED H:1
    c2 > SUBMIT_JOB f '' other                   =>  c2 < ERROR QUEUE_ERROR Job queue is full
    c2 disconnects                               =>  f has 1 scheduled, 0 running
    w1 > CAN_DO f
    w1 > GRAB_JOB                                =>  w1 < NO_JOB
    +1min
    w1 > GRAB_JOB                                =>  w1 < JOB_ASSIGN H:1 f later
  )");
}

// 2026-11-22 is a Sunday.
TEST(submit_sched, runs_once_at_the_next_match) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB_SCHED f '' 30 6 * * 0 monday  =>  c1 < JOB_CREATED H:1
    +24h
    +6h
    w1 > GRAB_JOB                                 =>  w1 < NO_JOB
    +30min
    w1 > GRAB_JOB                                 =>  w1 < JOB_ASSIGN H:1 f monday
    w1 > WORK_COMPLETE H:1 done                   =>  no deadline
  )");
}

TEST(submit_sched, is_refused_when_no_minute_matches) {
  Scenario scenario;
  scenario.run(R"(
    c1 > SUBMIT_JOB_SCHED f '' 0 0 30 2 * never
      =>  c1 < ERROR INVALID_ARGUMENT No minute matches this schedule
    c1 > SUBMIT_JOB_SCHED f '' 60 * * * * never
      =>  c1 < ERROR INVALID_ARGUMENT No minute matches this schedule
  )");
  EXPECT_TRUE(scenario.engine().status().empty());
}

}  // namespace
}  // namespace gman::test
