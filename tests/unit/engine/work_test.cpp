// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include "tests/unit/engine/scenario.hpp"

namespace gman::test {
namespace {

TEST(work, requeues_the_job_when_its_worker_disconnects) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO resize
    c1 > SUBMIT_JOB resize - cat.png  =>  c1 < JOB_CREATED H:1
    w1 > GRAB_JOB                     =>  w1 < JOB_ASSIGN H:1 resize cat.png
    w1 disconnects                    =>  resize has 1 queued, 0 running
    w2 > CAN_DO resize
    w2 > GRAB_JOB                     =>  w2 < JOB_ASSIGN H:1 resize cat.png
  )");
}

}  // namespace
}  // namespace gman::test
