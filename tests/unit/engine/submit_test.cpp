// SPDX-License-Identifier: BSD-3-Clause
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

}  // namespace
}  // namespace gman::test
