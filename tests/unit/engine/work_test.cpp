// SPDX-License-Identifier: BSD-3-Clause
// A job's run: reports, results, lost workers, exceptions.
#include <gtest/gtest.h>

#include "tests/unit/engine/scenario.hpp"

namespace gman::test {
namespace {

TEST(work, passes_every_report_to_every_client_and_nobody_else) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB f u1 data     =>  c1 < JOB_CREATED H:1
    c2 > SUBMIT_JOB f u1 data     =>  c2 < JOB_CREATED H:1
    c3 > SUBMIT_JOB_BG f u1 data  =>  c3 < JOB_CREATED H:1
    w1 > GRAB_JOB                 =>  w1 < JOB_ASSIGN H:1 f data
    w1 > WORK_DATA H:1 half       =>  c1 < WORK_DATA H:1 half ; c2 < WORK_DATA H:1 half
    w1 > WORK_WARNING H:1 hot     =>  c1 < WORK_WARNING H:1 hot ; c2 < WORK_WARNING H:1 hot
    w1 > WORK_STATUS H:1 07 10    =>  c1 < WORK_STATUS H:1 07 10 ; c2 < WORK_STATUS H:1 07 10
    w1 > WORK_FAIL H:1            =>  c1 < WORK_FAIL H:1 ; c2 < WORK_FAIL H:1
    w1 > WORK_FAIL H:1            =>  w1 < ERROR JOB_NOT_FOUND Job given in work result not found
  )");
}

TEST(work, serves_a_connection_that_is_client_and_worker_of_one_job) {
  Scenario scenario;
  scenario.run(R"(
    x1 > CAN_DO f
    x1 > SUBMIT_JOB f '' data  =>  x1 < JOB_CREATED H:1
    x1 > GRAB_JOB              =>  x1 < JOB_ASSIGN H:1 f data
    x1 > WORK_COMPLETE H:1 ok  =>  x1 < WORK_COMPLETE H:1 ok
    x1 > SUBMIT_JOB f '' data  =>  x1 < JOB_CREATED H:2
    x1 > GRAB_JOB              =>  x1 < JOB_ASSIGN H:2 f data
    x1 disconnects             =>  f has 0 queued, 0 running
  )");
}

TEST(work, refuses_reports_on_a_job_that_is_not_the_senders) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB f '' data   =>  c1 < JOB_CREATED H:1
    w2 > WORK_COMPLETE H:1 mine =>  w2 < ERROR JOB_NOT_FOUND Job given in work result not found
    w1 > GRAB_JOB               =>  w1 < JOB_ASSIGN H:1 f data
    w2 > WORK_COMPLETE H:1 mine =>  w2 < ERROR JOB_NOT_FOUND Job given in work result not found
    w2 > WORK_FAIL H:1          =>  w2 < ERROR JOB_NOT_FOUND Job given in work result not found
    w2 > WORK_STATUS H:1 1 2    =>  w2 < ERROR JOB_NOT_FOUND Job given in work result not found
    w2 > WORK_DATA H:1 mine     =>  w2 < ERROR JOB_NOT_FOUND Job does not exist on server
    w2 > WORK_WARNING H:1 mine  =>  w2 < ERROR JOB_NOT_FOUND Job does not exist on server
    w2 > WORK_EXCEPTION H:1 no
      =>  w2 < ERROR JOB_NOT_FOUND An exception was received for a job that does not exist
    c1 > WORK_COMPLETE H:1 mine =>  c1 < ERROR JOB_NOT_FOUND Job given in work result not found
    w1 > WORK_COMPLETE H:1 ok   =>  c1 < WORK_COMPLETE H:1 ok
  )");
}

TEST(work, refuses_reports_on_handles_that_are_none) {
  Scenario scenario;
  scenario.run(R"(
    w1 > WORK_COMPLETE H:77 x      =>  w1 < ERROR JOB_NOT_FOUND Job given in work result not found
    w1 > WORK_COMPLETE H: x        =>  w1 < ERROR JOB_NOT_FOUND Job given in work result not found
    w1 > WORK_COMPLETE H:-1 x      =>  w1 < ERROR JOB_NOT_FOUND Job given in work result not found
    w1 > WORK_COMPLETE other:1 x   =>  w1 < ERROR JOB_NOT_FOUND Job given in work result not found
    w1 > WORK_COMPLETE '' x        =>  w1 < ERROR JOB_NOT_FOUND Job given in work result not found
  )");
}

TEST(work, accepts_one_completion_of_a_job_and_refuses_the_second) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB f u1 data     =>  c1 < JOB_CREATED H:1
    w1 > GRAB_JOB                 =>  w1 < JOB_ASSIGN H:1 f data
    w1 > WORK_COMPLETE H:1 once   =>  c1 < WORK_COMPLETE H:1 once
    w1 > WORK_COMPLETE H:1 twice  =>  w1 < ERROR JOB_NOT_FOUND Job given in work result not found
    w1 > WORK_FAIL H:1            =>  w1 < ERROR JOB_NOT_FOUND Job given in work result not found
  )");
}

TEST(work, leaves_a_job_to_its_worker_when_another_completes_it) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    w2 > CAN_DO f
    c1 > SUBMIT_JOB f u1 data     =>  c1 < JOB_CREATED H:1
    w1 > GRAB_JOB                 =>  w1 < JOB_ASSIGN H:1 f data
    w2 > WORK_COMPLETE H:1 stolen =>  w2 < ERROR JOB_NOT_FOUND Job given in work result not found
    => f has 0 queued, 1 running
    w1 > WORK_COMPLETE H:1 own    =>  c1 < WORK_COMPLETE H:1 own
  )");
}

TEST(work, ends_a_job_of_mixed_clients_for_those_that_still_wait) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB f u1 data     =>  c1 < JOB_CREATED H:1
    c2 > SUBMIT_JOB_BG f u1 data  =>  c2 < JOB_CREATED H:1
    c3 > SUBMIT_JOB f u1 data     =>  c3 < JOB_CREATED H:1
    w1 > GRAB_JOB                 =>  w1 < JOB_ASSIGN H:1 f data
    c1 disconnects
    w1 > WORK_STATUS H:1 1 2      =>  c3 < WORK_STATUS H:1 1 2
    c2 > GET_STATUS H:1           =>  c2 < STATUS_RES H:1 1 1 1 2
    w1 > WORK_COMPLETE H:1 done   =>  c3 < WORK_COMPLETE H:1 done
    c2 > GET_STATUS H:1           =>  c2 < STATUS_RES H:1 0 0 0 0
  )");
}

TEST(work, requeues_the_job_at_the_tail_when_its_worker_disconnects) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO resize
    c1 > SUBMIT_JOB resize - cat.png  =>  c1 < JOB_CREATED H:1
    c1 > SUBMIT_JOB resize - dog.png  =>  c1 < JOB_CREATED H:2
    w1 > GRAB_JOB                     =>  w1 < JOB_ASSIGN H:1 resize cat.png
    w1 > WORK_STATUS H:1 1 2          =>  c1 < WORK_STATUS H:1 1 2
    w1 disconnects                    =>  resize has 2 queued, 0 running
    c1 > GET_STATUS H:1               =>  c1 < STATUS_RES H:1 1 0 0 0
    w2 > CAN_DO resize
    w2 > GRAB_JOB                     =>  w2 < JOB_ASSIGN H:2 resize dog.png
    w2 > GRAB_JOB                     =>  w2 < JOB_ASSIGN H:1 resize cat.png
  )");
}

TEST(work, drops_the_unheard_job_of_a_worker_that_disconnects) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB f '' data  =>  c1 < JOB_CREATED H:1
    w1 > GRAB_JOB              =>  w1 < JOB_ASSIGN H:1 f data
    c1 disconnects             =>  f has 0 queued, 1 running
    w1 disconnects             =>  f has 0 queued, 0 running
  )");
}

TEST(work, fails_a_job_when_its_attempts_are_used_up) {
  Scenario scenario({.attempts_max = 2});
  scenario.run(R"(
    c1 > SUBMIT_JOB f u1 data     =>  c1 < JOB_CREATED H:1
    c2 > SUBMIT_JOB_BG f u1 data  =>  c2 < JOB_CREATED H:1
    w1 > CAN_DO f
    w1 > GRAB_JOB                 =>  w1 < JOB_ASSIGN H:1 f data
    w1 disconnects                =>  f has 1 queued, 0 running
    w2 > CAN_DO f
    w2 > GRAB_JOB                 =>  w2 < JOB_ASSIGN H:1 f data
    w2 disconnects                =>  c1 < WORK_FAIL H:1 ; f has 0 queued, 0 running
  )");
}

TEST(work, gives_a_job_one_attempt_when_told_so) {
  Scenario scenario({.attempts_max = 1});
  scenario.run(R"(
    c1 > SUBMIT_JOB f u1 data  =>  c1 < JOB_CREATED H:1
    w1 > CAN_DO f
    w1 > GRAB_JOB              =>  w1 < JOB_ASSIGN H:1 f data
    w1 disconnects             =>  c1 < WORK_FAIL H:1
  )");
}

TEST(work, tries_for_ever_when_attempts_have_no_limit) {
  Scenario scenario;
  scenario.run("c1 > SUBMIT_JOB_BG f u1 data => c1 < JOB_CREATED H:1");
  for (int i = 0; i < 1000; ++i) {
    scenario.run(R"(
      w1 > CAN_DO f
      w1 > GRAB_JOB   =>  w1 < JOB_ASSIGN H:1 f data
      w1 disconnects  =>  f has 1 queued, 0 running
    )");
  }
  ASSERT_EQ(scenario.engine().jobs().size(), 1);
  EXPECT_EQ(scenario.engine().jobs()[0].retries, 1000);
}

TEST(exceptions, reach_only_clients_that_asked_and_end_the_job_for_all) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    c1 > OPTION_REQ exceptions      =>  c1 < OPTION_RES exceptions
    c1 > SUBMIT_JOB f u1 data       =>  c1 < JOB_CREATED H:1
    c2 > SUBMIT_JOB f u1 data       =>  c2 < JOB_CREATED H:1
    w1 > GRAB_JOB                   =>  w1 < JOB_ASSIGN H:1 f data
    w1 > WORK_EXCEPTION H:1 broken  =>  c1 < WORK_EXCEPTION H:1 broken ; c2 < WORK_FAIL H:1
    w1 > WORK_COMPLETE H:1 x        =>  w1 < ERROR JOB_NOT_FOUND Job given in work result not found
  )");
}

TEST(exceptions, may_be_followed_by_one_failure_of_the_same_job_and_worker) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    w2 > CAN_DO f
    c1 > SUBMIT_JOB f - data        =>  c1 < JOB_CREATED H:1
    w1 > GRAB_JOB                   =>  w1 < JOB_ASSIGN H:1 f data
    w1 > WORK_EXCEPTION H:1 broken  =>  c1 < WORK_FAIL H:1
    w2 > WORK_FAIL H:1              =>  w2 < ERROR JOB_NOT_FOUND Job given in work result not found
    w1 > WORK_FAIL H:1
    w1 > WORK_FAIL H:1              =>  w1 < ERROR JOB_NOT_FOUND Job given in work result not found
  )");
}

TEST(exceptions, reach_all_clients_when_the_server_says_so) {
  Scenario scenario({.exceptions_for_all = true});
  scenario.run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB f u1 data       =>  c1 < JOB_CREATED H:1
    w1 > GRAB_JOB                   =>  w1 < JOB_ASSIGN H:1 f data
    w1 > WORK_EXCEPTION H:1 broken  =>  c1 < WORK_EXCEPTION H:1 broken
  )");
}

}  // namespace
}  // namespace gman::test
