// SPDX-License-Identifier: BSD-3-Clause
// What workers can do, and which job they get.
#include <gtest/gtest.h>

#include "tests/unit/engine/scenario.hpp"

namespace gman::test {
namespace {

TEST(abilities, give_a_worker_only_jobs_of_its_functions) {
  Scenario scenario;
  scenario.run(R"(
    c1 > SUBMIT_JOB_BG f '' 1  =>  c1 < JOB_CREATED H:1
    w1 > CAN_DO g
    w1 > GRAB_JOB              =>  w1 < NO_JOB
    w2 > GRAB_JOB              =>  w2 < NO_JOB
  )");
}

TEST(abilities, count_once_when_told_twice) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    w1 > CAN_DO f      =>  f has 1 workers
    w2 > CAN_DO f      =>  f has 2 workers
    w1 > CANT_DO f     =>  f has 1 workers
    w2 disconnects     =>  f has 0 workers
  )");
}

TEST(abilities, end_with_cant_do) {
  Scenario scenario;
  scenario.run(R"(
    c1 > SUBMIT_JOB_BG f '' 1  =>  c1 < JOB_CREATED H:1
    c1 > SUBMIT_JOB_BG g '' 2  =>  c1 < JOB_CREATED H:2
    w1 > CAN_DO f
    w1 > CAN_DO g
    w1 > CANT_DO f
    w1 > CANT_DO never-heard-of
    w1 > GRAB_JOB              =>  w1 < JOB_ASSIGN H:2 g 2
    w1 > GRAB_JOB              =>  w1 < NO_JOB
  )");
}

TEST(abilities, end_all_with_reset_abilities) {
  Scenario scenario;
  scenario.run(R"(
    c1 > SUBMIT_JOB_BG f '' 1  =>  c1 < JOB_CREATED H:1
    w1 > CAN_DO f
    w1 > CAN_DO g
    w1 > RESET_ABILITIES       =>  f has 0 workers ; g has 0 workers
    w1 > GRAB_JOB              =>  w1 < NO_JOB
  )");
}

TEST(abilities, leave_the_running_job_to_its_worker_when_they_end) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB f '' 1       =>  c1 < JOB_CREATED H:1
    c1 > SUBMIT_JOB f '' 2       =>  c1 < JOB_CREATED H:2
    w1 > GRAB_JOB                =>  w1 < JOB_ASSIGN H:1 f 1
    w1 > GRAB_JOB                =>  w1 < JOB_ASSIGN H:2 f 2
    w1 > CANT_DO f               =>  f has 0 queued, 2 running
    w1 > WORK_COMPLETE H:1 done  =>  c1 < WORK_COMPLETE H:1 done
    w1 > RESET_ABILITIES         =>  f has 0 queued, 1 running
    w1 > WORK_COMPLETE H:2 done  =>  c1 < WORK_COMPLETE H:2 done
  )");
}

TEST(abilities, put_priority_before_the_turn_of_functions) {
  Scenario scenario;
  scenario.run(R"(
    c1 > SUBMIT_JOB_LOW_BG f '' f-low   =>  c1 < JOB_CREATED H:1
    c1 > SUBMIT_JOB_BG f '' f-normal    =>  c1 < JOB_CREATED H:2
    c1 > SUBMIT_JOB_HIGH_BG g '' g-high =>  c1 < JOB_CREATED H:3
    c1 > SUBMIT_JOB_LOW_BG g '' g-low   =>  c1 < JOB_CREATED H:4
    w1 > CAN_DO f
    w1 > CAN_DO g
    w1 > GRAB_JOB  =>  w1 < JOB_ASSIGN H:3 g g-high
    w1 > GRAB_JOB  =>  w1 < JOB_ASSIGN H:2 f f-normal
    w1 > GRAB_JOB  =>  w1 < JOB_ASSIGN H:4 g g-low
    w1 > GRAB_JOB  =>  w1 < JOB_ASSIGN H:1 f f-low
  )");
}

TEST(abilities, serve_functions_of_one_priority_in_turn) {
  Scenario scenario;
  scenario.run(R"(
    c1 > SUBMIT_JOB_BG f '' f1  =>  c1 < JOB_CREATED H:1
    c1 > SUBMIT_JOB_BG f '' f2  =>  c1 < JOB_CREATED H:2
    c1 > SUBMIT_JOB_BG f '' f3  =>  c1 < JOB_CREATED H:3
    c1 > SUBMIT_JOB_BG g '' g1  =>  c1 < JOB_CREATED H:4
    c1 > SUBMIT_JOB_BG g '' g2  =>  c1 < JOB_CREATED H:5
    c1 > SUBMIT_JOB_BG h '' h1  =>  c1 < JOB_CREATED H:6
    w1 > CAN_DO f
    w1 > CAN_DO g
    w1 > CAN_DO h
    w1 > GRAB_JOB  =>  w1 < JOB_ASSIGN H:1 f f1
    w1 > GRAB_JOB  =>  w1 < JOB_ASSIGN H:4 g g1
    w1 > GRAB_JOB  =>  w1 < JOB_ASSIGN H:6 h h1
    w1 > GRAB_JOB  =>  w1 < JOB_ASSIGN H:2 f f2
    w1 > GRAB_JOB  =>  w1 < JOB_ASSIGN H:5 g g2
    w1 > GRAB_JOB  =>  w1 < JOB_ASSIGN H:3 f f3
    w1 > GRAB_JOB  =>  w1 < NO_JOB
  )");
}

TEST(abilities, close_the_connection_beyond_the_limit) {
  Scenario scenario({.functions_per_worker_max = 2});
  scenario.run(R"(
    w1 > CAN_DO f
    w1 > CAN_DO g
    w1 > CAN_DO g
    w1 > CAN_DO h   =>  w1 closed: engine_limit
    w1 > CANT_DO f
    w1 > CAN_DO h   =>  h has 1 workers
  )");
}

TEST(all_yours, is_accepted_and_needs_no_answer) {
  Scenario scenario;
  scenario.run("w1 > ALL_YOURS");
}

TEST(can_do_timeout, requeues_the_job_to_the_millisecond_and_refuses_the_late_result) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO_TIMEOUT f 1500
    c1 > SUBMIT_JOB f '' 1       =>  c1 < JOB_CREATED H:1
    w1 > GRAB_JOB                =>  w1 < JOB_ASSIGN H:1 f 1
    +1499ms                      =>  f has 0 queued, 1 running
    +1ms                         =>  f has 1 queued, 0 running ; no deadline
    w1 > WORK_COMPLETE H:1 late  =>  w1 < ERROR JOB_NOT_FOUND Job given in work result not found
    w1 > GRAB_JOB                =>  w1 < JOB_ASSIGN H:1 f 1
    w1 > WORK_COMPLETE H:1 ok    =>  c1 < WORK_COMPLETE H:1 ok ; no deadline
  )");
}

TEST(can_do_timeout, guards_each_job_of_a_worker_by_itself) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO_TIMEOUT f 1000
    w1 > CAN_DO_TIMEOUT g 3000
    w1 > CAN_DO h
    c1 > SUBMIT_JOB_BG f '' 1  =>  c1 < JOB_CREATED H:1
    c1 > SUBMIT_JOB_BG g '' 2  =>  c1 < JOB_CREATED H:2
    c1 > SUBMIT_JOB_BG h '' 3  =>  c1 < JOB_CREATED H:3
    w1 > GRAB_JOB              =>  w1 < JOB_ASSIGN H:1 f 1
    w1 > GRAB_JOB              =>  w1 < JOB_ASSIGN H:2 g 2
    w1 > GRAB_JOB              =>  w1 < JOB_ASSIGN H:3 h 3
    +1s                        =>  f has 1 queued, 0 running ; g has 0 queued, 1 running
    +2s                        =>  g has 1 queued, 0 running
    +48h                       =>  h has 0 queued, 1 running
  )");
}

TEST(can_do_timeout, takes_the_latest_limit_told_and_none_when_it_is_no_number) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    w1 > CAN_DO_TIMEOUT f 1000    =>  f has 1 workers
    c1 > SUBMIT_JOB_BG f '' 1     =>  c1 < JOB_CREATED H:1
    w1 > GRAB_JOB                 =>  w1 < JOB_ASSIGN H:1 f 1
    w1 > CAN_DO_TIMEOUT f soon
    c1 > SUBMIT_JOB_BG f '' 2     =>  c1 < JOB_CREATED H:2
    w1 > GRAB_JOB                 =>  w1 < JOB_ASSIGN H:2 f 2
    +1s                           =>  f has 1 queued, 1 running ; no deadline
  )");
}

TEST(can_do_timeout, forgets_the_status_of_a_requeued_job_and_tells_its_clients_nothing) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO_TIMEOUT f 100
    c1 > SUBMIT_JOB f u1 data   =>  c1 < JOB_CREATED H:1
    w1 > GRAB_JOB               =>  w1 < JOB_ASSIGN H:1 f data
    w1 > WORK_STATUS H:1 9 10   =>  c1 < WORK_STATUS H:1 9 10
    c2 > GET_STATUS H:1         =>  c2 < STATUS_RES H:1 1 1 9 10
    +100ms                      =>  f has 1 queued, 0 running
    c2 > GET_STATUS H:1         =>  c2 < STATUS_RES H:1 1 0 0 0
    w1 > GRAB_JOB               =>  w1 < JOB_ASSIGN H:1 f data
    c2 > GET_STATUS H:1         =>  c2 < STATUS_RES H:1 1 1 0 0
  )");
}

TEST(can_do_timeout, fails_the_job_and_no_other_of_its_worker_when_told_so) {
  Scenario scenario({.timeout_action = TimeoutAction::fail});
  scenario.run(R"(
    w1 > CAN_DO_TIMEOUT f 100
    w1 > CAN_DO g
    c1 > SUBMIT_JOB f u1 data     =>  c1 < JOB_CREATED H:1
    c2 > SUBMIT_JOB f u1 data     =>  c2 < JOB_CREATED H:1
    c2 > SUBMIT_JOB_BG f u2 data  =>  c2 < JOB_CREATED H:2
    c1 > SUBMIT_JOB g u1 data     =>  c1 < JOB_CREATED H:3
    w1 > GRAB_JOB                 =>  w1 < JOB_ASSIGN H:1 f data
    w1 > GRAB_JOB                 =>  w1 < JOB_ASSIGN H:3 g data
    +99ms
    w1 > GRAB_JOB                 =>  w1 < JOB_ASSIGN H:2 f data
    +1ms  =>  c1 < WORK_FAIL H:1 ; c2 < WORK_FAIL H:1 ; f has 0 queued, 1 running
    w1 > WORK_COMPLETE H:1 late   =>  w1 < ERROR JOB_NOT_FOUND Job given in work result not found
    +99ms                         =>  f has 0 queued, 0 running
    w1 > WORK_COMPLETE H:2 late   =>  w1 < ERROR JOB_NOT_FOUND Job given in work result not found
    w1 > WORK_COMPLETE H:3 done   =>  c1 < WORK_COMPLETE H:3 done
    c1 > SUBMIT_JOB f u1 data     =>  c1 < JOB_CREATED H:4
  )");
}

TEST(can_do_timeout, drops_a_cancelled_job_in_silence_when_it_fails_what_is_late) {
  Scenario scenario({.timeout_action = TimeoutAction::fail});
  scenario.run(R"(
    w1 > CAN_DO_TIMEOUT f 100
    c1 > SUBMIT_JOB f u1 data  =>  c1 < JOB_CREATED H:1
    w1 > GRAB_JOB              =>  w1 < JOB_ASSIGN H:1 f data
    cancel H:1                 =>  c1 < WORK_FAIL H:1 ; cancelled
    +100ms                     =>  f has 0 queued, 0 running
  )");
}

TEST(can_do_timeout, counts_as_an_attempt) {
  Scenario scenario({.attempts_max = 2});
  scenario.run(R"(
    w1 > CAN_DO_TIMEOUT f 1000
    c1 > SUBMIT_JOB f '' 1  =>  c1 < JOB_CREATED H:1
    w1 > GRAB_JOB           =>  w1 < JOB_ASSIGN H:1 f 1
    +1s                     =>  f has 1 queued, 0 running
    w1 > GRAB_JOB           =>  w1 < JOB_ASSIGN H:1 f 1
    +1s                     =>  c1 < WORK_FAIL H:1 ; f has 0 queued, 0 running
  )");
}

TEST(can_do_timeout, wakes_a_sleeper_for_the_job_that_comes_back) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO_TIMEOUT f 1000
    c1 > SUBMIT_JOB f '' 1  =>  c1 < JOB_CREATED H:1
    w1 > GRAB_JOB           =>  w1 < JOB_ASSIGN H:1 f 1
    w2 > CAN_DO f
    w2 > PRE_SLEEP
    +1s                     =>  w2 < NOOP
    w2 > GRAB_JOB           =>  w2 < JOB_ASSIGN H:1 f 1
  )");
}

}  // namespace
}  // namespace gman::test
