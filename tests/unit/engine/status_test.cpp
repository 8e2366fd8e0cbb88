// SPDX-License-Identifier: BSD-3-Clause
// Questions and wishes of connections.
#include <gtest/gtest.h>

#include "tests/unit/engine/scenario.hpp"

namespace gman::test {
namespace {

TEST(get_status, knows_a_job_until_it_is_finished) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB_BG f '' data            =>  c1 < JOB_CREATED H:1
    c2 > GET_STATUS H:1                     =>  c2 < STATUS_RES H:1 1 0 0 0
    w1 > GRAB_JOB                           =>  w1 < JOB_ASSIGN H:1 f data
    c2 > GET_STATUS H:1                     =>  c2 < STATUS_RES H:1 1 1 0 0
    w1 > WORK_STATUS H:1 3 10
    c2 > GET_STATUS H:1                     =>  c2 < STATUS_RES H:1 1 1 3 10
    w1 > WORK_STATUS H:1 many 99999999999
    c2 > GET_STATUS H:1                     =>  c2 < STATUS_RES H:1 1 1 0 4294967295
    w1 > WORK_COMPLETE H:1 done
    c2 > GET_STATUS H:1                     =>  c2 < STATUS_RES H:1 0 0 0 0
    c2 > GET_STATUS H:99                    =>  c2 < STATUS_RES H:99 0 0 0 0
    c2 > GET_STATUS 63*x                    =>  c2 < STATUS_RES 63*x 0 0 0 0
  )");
}

TEST(get_status_unique, finds_a_job_of_any_function_and_counts_its_clients) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB f u1 data      =>  c1 < JOB_CREATED H:1
    c2 > SUBMIT_JOB f u1 data      =>  c2 < JOB_CREATED H:1
    c1 > SUBMIT_JOB_BG g 64*u bg   =>  c1 < JOB_CREATED H:2
    c3 > GET_STATUS_UNIQUE u1      =>  c3 < STATUS_RES_UNIQUE u1 1 0 0 0 2
    w1 > GRAB_JOB                  =>  w1 < JOB_ASSIGN H:1 f data
    w1 > WORK_STATUS H:1 1 4       =>  c1 < WORK_STATUS H:1 1 4 ; c2 < WORK_STATUS H:1 1 4
    c2 disconnects
    c3 > GET_STATUS_UNIQUE u1      =>  c3 < STATUS_RES_UNIQUE u1 1 1 1 4 1
    c3 > GET_STATUS_UNIQUE 64*u    =>  c3 < STATUS_RES_UNIQUE 64*u 1 0 0 0 0
    c3 > GET_STATUS_UNIQUE u2      =>  c3 < STATUS_RES_UNIQUE u2 0 0 0 0 0
    c3 > GET_STATUS_UNIQUE ''      =>  c3 < STATUS_RES_UNIQUE '' 0 0 0 0 0
    c3 > GET_STATUS_UNIQUE -       =>  c3 < STATUS_RES_UNIQUE - 0 0 0 0 0
  )");
}

TEST(echo, comes_back_as_it_was) {
  Scenario scenario;
  scenario.run(R"(
    c1 > ECHO_REQ hello  =>  c1 < ECHO_RES hello
    c1 > ECHO_REQ        =>  c1 < ECHO_RES ''
  )");
}

TEST(option_req, knows_exceptions_in_any_case_and_echoes_it_as_sent) {
  Scenario scenario;
  scenario.run(R"(
    c1 > OPTION_REQ ExCePtIoNs   =>  c1 < OPTION_RES ExCePtIoNs
    c1 > OPTION_REQ exception
      =>  c1 < ERROR UNKNOWN_OPTION Server does not recognize given option
    c1 > OPTION_REQ exceptions1
      =>  c1 < ERROR UNKNOWN_OPTION Server does not recognize given option
    c1 > OPTION_REQ ''
      =>  c1 < ERROR UNKNOWN_OPTION Server does not recognize given option
  )");
}

TEST(set_client_id, keeps_the_id_but_for_blanks_and_control_bytes) {
  Scenario scenario;
  const ConnId worker = scenario.peer("w1");
  EXPECT_EQ(scenario.engine().client_id(worker), "");
  Effects effects;
  scenario.engine().handle(worker, SetClientId{"my worker\t1\n\x7f.2"}, scenario.now(), effects);
  EXPECT_EQ(scenario.engine().client_id(worker), "my_worker_1__.2");
  scenario.engine().handle(worker, SetClientId{"caf\xc3\xa9"}, scenario.now(), effects);
  EXPECT_EQ(scenario.engine().client_id(worker), "caf\xc3\xa9");
  EXPECT_TRUE(effects.empty());
}

}  // namespace
}  // namespace gman::test
