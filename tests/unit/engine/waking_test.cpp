// SPDX-License-Identifier: BSD-3-Clause
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
  )");
}

}  // namespace
}  // namespace gman::test
