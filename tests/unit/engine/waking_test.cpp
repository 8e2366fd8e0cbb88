// SPDX-License-Identifier: BSD-3-Clause
// Who sleeps, and who is woken.
#include <gtest/gtest.h>

#include "tests/unit/engine/scenario.hpp"

namespace gman::test {
namespace {

TEST(waking, wakes_one_sleeper_for_one_job) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO resize
    w1 > PRE_SLEEP
    w2 > CAN_DO resize
    w2 > PRE_SLEEP
    c1 > SUBMIT_JOB_BG resize '' a  =>  c1 < JOB_CREATED H:1 ; w1 < NOOP
    w1 > GRAB_JOB                   =>  w1 < JOB_ASSIGN H:1 resize a
    w1 > WORK_COMPLETE H:1 done
    w1 > GRAB_JOB                   =>  w1 < NO_JOB
    +1s
  )");
}

TEST(waking, wakes_as_many_sleepers_as_there_are_jobs_and_the_longest_asleep_first) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    w2 > CAN_DO f
    w3 > CAN_DO f
    w2 > PRE_SLEEP
    w3 > PRE_SLEEP
    w1 > PRE_SLEEP
    c1 > SUBMIT_JOB_BG f '' 1  =>  c1 < JOB_CREATED H:1 ; w2 < NOOP
    c1 > SUBMIT_JOB_BG f '' 2  =>  c1 < JOB_CREATED H:2 ; w3 < NOOP
    w3 > GRAB_JOB              =>  w3 < JOB_ASSIGN H:1 f 1
    w2 > GRAB_JOB              =>  w2 < JOB_ASSIGN H:2 f 2
    c1 > SUBMIT_JOB_BG f '' 3  =>  c1 < JOB_CREATED H:3 ; w1 < NOOP
    c1 > SUBMIT_JOB_BG f '' 4  =>  c1 < JOB_CREATED H:4
  )");
}

TEST(waking, answers_pre_sleep_at_once_when_there_is_a_job) {
  Scenario scenario;
  scenario.run(R"(
    c1 > SUBMIT_JOB_BG f '' 1  =>  c1 < JOB_CREATED H:1
    w1 > CAN_DO f
    w1 > PRE_SLEEP             =>  w1 < NOOP
    w1 > GRAB_JOB              =>  w1 < JOB_ASSIGN H:1 f 1
    w1 > PRE_SLEEP
  )");
}

TEST(waking, sends_no_second_noop_before_the_next_pre_sleep) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    w1 > PRE_SLEEP
    c1 > SUBMIT_JOB_BG f '' 1  =>  c1 < JOB_CREATED H:1 ; w1 < NOOP
    c1 > SUBMIT_JOB_BG f '' 2  =>  c1 < JOB_CREATED H:2
    +1s
    c1 > SUBMIT_JOB_BG f '' 3  =>  c1 < JOB_CREATED H:3
    w1 > GRAB_JOB              =>  w1 < JOB_ASSIGN H:1 f 1
    c1 > SUBMIT_JOB_BG f '' 4  =>  c1 < JOB_CREATED H:4
  )");
}

TEST(waking, lets_a_worker_sleep_beside_a_job_that_another_was_woken_for) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    w1 > PRE_SLEEP
    c1 > SUBMIT_JOB_BG f '' 1  =>  c1 < JOB_CREATED H:1 ; w1 < NOOP
    w2 > CAN_DO f
    w2 > PRE_SLEEP
    w1 > GRAB_JOB              =>  w1 < JOB_ASSIGN H:1 f 1
  )");
}

TEST(waking, wakes_another_when_the_woken_one_does_not_grab) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO resize
    w1 > PRE_SLEEP
    w2 > CAN_DO resize
    w2 > PRE_SLEEP
    c1 > SUBMIT_JOB_BG resize '' a  =>  c1 < JOB_CREATED H:1 ; w1 < NOOP ; a deadline
    +49ms
    +1ms                            =>  w2 < NOOP
    +50ms                           =>  no deadline
    w1 > GRAB_JOB                   =>  w1 < JOB_ASSIGN H:1 resize a
    w2 > GRAB_JOB                   =>  w2 < NO_JOB
  )");
}

TEST(waking, wakes_another_when_the_woken_one_disconnects) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    w1 > PRE_SLEEP
    w2 > CAN_DO f
    w2 > PRE_SLEEP
    c1 > SUBMIT_JOB_BG f '' 1  =>  c1 < JOB_CREATED H:1 ; w1 < NOOP
    w1 disconnects             =>  w2 < NOOP
    w2 > GRAB_JOB              =>  w2 < JOB_ASSIGN H:1 f 1
  )");
}

TEST(waking, wakes_another_when_the_woken_one_gives_the_function_up) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    w1 > PRE_SLEEP
    w2 > CAN_DO f
    w2 > PRE_SLEEP
    w3 > CAN_DO f
    w3 > PRE_SLEEP
    c1 > SUBMIT_JOB_BG f '' 1  =>  c1 < JOB_CREATED H:1 ; w1 < NOOP
    w1 > CANT_DO f             =>  w2 < NOOP
    w2 > RESET_ABILITIES       =>  w3 < NOOP
    w3 > GRAB_JOB              =>  w3 < JOB_ASSIGN H:1 f 1
  )");
}

TEST(waking, wakes_a_sleeper_for_what_it_learned_after_it_forgot_everything) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    w1 > PRE_SLEEP
    w1 > RESET_ABILITIES
    w1 > CAN_DO g
    c1 > SUBMIT_JOB_BG g '' 1  =>  c1 < JOB_CREATED H:1 ; w1 < NOOP
    w1 > GRAB_JOB              =>  w1 < JOB_ASSIGN H:1 g 1
  )");
}

TEST(waking, wakes_another_when_the_woken_one_takes_a_job_of_another_function) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    w1 > CAN_DO g
    w1 > PRE_SLEEP
    w2 > CAN_DO f
    w2 > PRE_SLEEP
    c1 > SUBMIT_JOB_BG f '' 1       =>  c1 < JOB_CREATED H:1 ; w1 < NOOP
    c1 > SUBMIT_JOB_HIGH_BG g '' 2  =>  c1 < JOB_CREATED H:2
    w1 > GRAB_JOB                   =>  w1 < JOB_ASSIGN H:2 g 2 ; w2 < NOOP
    w2 > GRAB_JOB                   =>  w2 < JOB_ASSIGN H:1 f 1
  )");
}

TEST(waking, wakes_a_sleeper_again_after_it_slept_for_another_function) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    w1 > CAN_DO g
    w1 > PRE_SLEEP
    c1 > SUBMIT_JOB_BG g '' 1  =>  c1 < JOB_CREATED H:1 ; w1 < NOOP
    w1 > GRAB_JOB              =>  w1 < JOB_ASSIGN H:1 g 1
    c1 > SUBMIT_JOB_BG f '' 2  =>  c1 < JOB_CREATED H:2
    w1 > GRAB_JOB              =>  w1 < JOB_ASSIGN H:2 f 2
    w1 > PRE_SLEEP
    c1 > SUBMIT_JOB_BG f '' 3  =>  c1 < JOB_CREATED H:3 ; w1 < NOOP
    w1 > GRAB_JOB              =>  w1 < JOB_ASSIGN H:3 f 3
    w1 > PRE_SLEEP
    c1 > SUBMIT_JOB_BG g '' 4  =>  c1 < JOB_CREATED H:4 ; w1 < NOOP
  )");
}

TEST(waking, wakes_a_sleeper_that_learns_a_function_with_work) {
  Scenario scenario;
  scenario.run(R"(
    c1 > SUBMIT_JOB_BG f '' 1  =>  c1 < JOB_CREATED H:1
    w1 > PRE_SLEEP
    w1 > CAN_DO f              =>  w1 < NOOP
  )");
}

TEST(waking, wakes_a_sleeper_for_the_job_of_a_worker_that_disconnects) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB_BG f '' 1  =>  c1 < JOB_CREATED H:1
    w1 > GRAB_JOB              =>  w1 < JOB_ASSIGN H:1 f 1
    w2 > CAN_DO f
    w2 > PRE_SLEEP
    w1 disconnects             =>  w2 < NOOP
  )");
}

TEST(waking, wakes_nobody_after_the_server_stopped_assigning) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    w2 > CAN_DO f
    w2 > PRE_SLEEP
    c1 > SUBMIT_JOB f '' 1       =>  c1 < JOB_CREATED H:1 ; w2 < NOOP
    w1 > GRAB_JOB                =>  w1 < JOB_ASSIGN H:1 f 1
    stop assigning
    c1 > SUBMIT_JOB_BG f '' 2    =>  c1 < JOB_CREATED H:2
    w2 > GRAB_JOB                =>  w2 < NO_JOB
    w2 > PRE_SLEEP
    w1 > WORK_COMPLETE H:1 done  =>  c1 < WORK_COMPLETE H:1 done
  )");
  EXPECT_EQ(scenario.engine().running_jobs(), 0);
  EXPECT_EQ(scenario.engine().queued_jobs(), 1);
}

}  // namespace
}  // namespace gman::test
