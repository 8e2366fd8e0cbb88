// SPDX-License-Identifier: BSD-3-Clause
// Which submits are one job, and who then keeps it alive.
#include <gtest/gtest.h>

#include "tests/unit/engine/scenario.hpp"

namespace gman::test {
namespace {

TEST(coalescing, joins_a_queued_job_whose_first_workload_and_priority_stay) {
  Scenario scenario;
  scenario.run(R"(
    c1 > SUBMIT_JOB_LOW f u1 first     =>  c1 < JOB_CREATED H:1
    c2 > SUBMIT_JOB_HIGH f u1 second   =>  c2 < JOB_CREATED H:1
    c2 > SUBMIT_JOB f u2 other         =>  c2 < JOB_CREATED H:2
    w1 > CAN_DO f
    w1 > GRAB_JOB                      =>  w1 < JOB_ASSIGN H:2 f other
    w1 > GRAB_JOB                      =>  w1 < JOB_ASSIGN H:1 f first
    w1 > WORK_COMPLETE H:1 done        =>  c1 < WORK_COMPLETE H:1 done ; c2 < WORK_COMPLETE H:1 done
  )");
}

TEST(coalescing, joins_a_running_job) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB f u1 data    =>  c1 < JOB_CREATED H:1
    w1 > GRAB_JOB                =>  w1 < JOB_ASSIGN H:1 f data
    c2 > SUBMIT_JOB f u1 data    =>  c2 < JOB_CREATED H:1
    w1 > WORK_COMPLETE H:1 done  =>  c1 < WORK_COMPLETE H:1 done ; c2 < WORK_COMPLETE H:1 done
    c1 > SUBMIT_JOB f u1 data    =>  c1 < JOB_CREATED H:2
  )");
}

TEST(coalescing, keeps_equal_uniques_of_two_functions_apart) {
  Scenario scenario;
  scenario.run(R"(
    c1 > SUBMIT_JOB f u1 data  =>  c1 < JOB_CREATED H:1
    c1 > SUBMIT_JOB g u1 data  =>  c1 < JOB_CREATED H:2
  )");
}

TEST(coalescing, never_joins_jobs_without_a_unique) {
  Scenario scenario;
  scenario.run(R"(
    c1 > SUBMIT_JOB f '' data  =>  c1 < JOB_CREATED H:1
    c1 > SUBMIT_JOB f '' data  =>  c1 < JOB_CREATED H:2
  )");
}

TEST(coalescing, takes_the_workload_as_the_key_of_the_unique_minus) {
  Scenario scenario;
  scenario.run(R"(
    c1 > SUBMIT_JOB f - data     =>  c1 < JOB_CREATED H:1
    c2 > SUBMIT_JOB f - data     =>  c2 < JOB_CREATED H:1
    c2 > SUBMIT_JOB f - other    =>  c2 < JOB_CREATED H:2
    c2 > SUBMIT_JOB f data xyz   =>  c2 < JOB_CREATED H:3
    c2 > SUBMIT_JOB f - ''       =>  c2 < JOB_CREATED H:4
    c2 > SUBMIT_JOB f - ''       =>  c2 < JOB_CREATED H:5
    w1 > CAN_DO f
    w1 > GRAB_JOB_UNIQ           =>  w1 < JOB_ASSIGN_UNIQ H:1 f - data
    w1 > WORK_COMPLETE H:1 done  =>  c1 < WORK_COMPLETE H:1 done ; c2 < WORK_COMPLETE H:1 done
  )");
}

TEST(coalescing, joins_by_uniques_of_63_and_64_bytes) {
  Scenario scenario;
  scenario.run(R"(
    c1 > SUBMIT_JOB f 63*x data  =>  c1 < JOB_CREATED H:1
    c2 > SUBMIT_JOB f 63*x data  =>  c2 < JOB_CREATED H:1
    c1 > SUBMIT_JOB f 64*x data  =>  c1 < JOB_CREATED H:2
    c2 > SUBMIT_JOB f 64*x data  =>  c2 < JOB_CREATED H:2
    w1 > CAN_DO f
    w1 > GRAB_JOB_UNIQ           =>  w1 < JOB_ASSIGN_UNIQ H:1 f 63*x data
    w1 > GRAB_JOB_UNIQ           =>  w1 < JOB_ASSIGN_UNIQ H:2 f 64*x data
  )");
}

TEST(coalescing, answers_a_client_once_for_each_of_its_submits) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB f u1 data    =>  c1 < JOB_CREATED H:1
    c1 > SUBMIT_JOB f u1 data    =>  c1 < JOB_CREATED H:1
    w1 > GRAB_JOB                =>  w1 < JOB_ASSIGN H:1 f data
    w1 > WORK_COMPLETE H:1 done  =>  c1 < WORK_COMPLETE H:1 done ; c1 < WORK_COMPLETE H:1 done
  )");
}

TEST(coalescing, runs_a_background_job_though_a_foreground_client_joined_and_left) {
  Scenario scenario;
  scenario.run(R"(
    c1 > SUBMIT_JOB_BG f u1 data  =>  c1 < JOB_CREATED H:1
    c2 > SUBMIT_JOB f u1 data     =>  c2 < JOB_CREATED H:1
    c2 disconnects                =>  f has 1 queued, 0 running
    w1 > CAN_DO f
    w1 > GRAB_JOB                 =>  w1 < JOB_ASSIGN H:1 f data
  )");
}

TEST(coalescing, keeps_a_foreground_job_that_a_background_submit_joined_when_its_client_leaves) {
  Scenario scenario;
  scenario.run(R"(
    c1 > SUBMIT_JOB f u1 data     =>  c1 < JOB_CREATED H:1
    c2 > SUBMIT_JOB_BG f u1 data  =>  c2 < JOB_CREATED H:1
    c1 disconnects                =>  f has 1 queued, 0 running
    w1 > CAN_DO f
    w1 > GRAB_JOB                 =>  w1 < JOB_ASSIGN H:1 f data
    w1 disconnects                =>  f has 1 queued, 0 running
  )");
}

TEST(coalescing, hears_again_a_running_job_that_nobody_heard) {
  Scenario scenario;
  scenario.run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB f u1 data    =>  c1 < JOB_CREATED H:1
    w1 > GRAB_JOB                =>  w1 < JOB_ASSIGN H:1 f data
    c1 disconnects
    c2 > SUBMIT_JOB f u1 data    =>  c2 < JOB_CREATED H:1
    w1 > WORK_COMPLETE H:1 done  =>  c2 < WORK_COMPLETE H:1 done
  )");
}

TEST(coalescing, refuses_one_client_more_than_a_job_may_have) {
  Scenario scenario({.clients_per_job_max = 2});
  scenario.run(R"(
    c1 > SUBMIT_JOB f u1 data     =>  c1 < JOB_CREATED H:1
    c2 > SUBMIT_JOB f u1 data     =>  c2 < JOB_CREATED H:1
    c3 > SUBMIT_JOB f u1 data     =>  c3 < ERROR QUEUE_ERROR Too many clients wait for this job
    c3 > SUBMIT_JOB_BG f u1 data  =>  c3 < JOB_CREATED H:1
    c2 disconnects
    c3 > SUBMIT_JOB f u1 data     =>  c3 < JOB_CREATED H:1
  )");
}

TEST(coalescing, finds_every_unique_of_a_large_backlog_and_none_after_it_drained) {
  Scenario scenario;
  Engine& engine = scenario.engine();
  const ConnId client = scenario.peer("c1");
  const ConnId worker = scenario.peer("w1");
  Effects effects;
  constexpr int jobs = 20'000;
  const auto submit_all = [&] {
    for (int i = 0; i < jobs; ++i) {
      const std::string unique = "row-" + std::to_string(i);
      engine.handle(client,
                    SubmitJob{.function = i % 2 == 0 ? "even" : "odd",
                              .unique = unique,
                              .workload = "data",
                              .mode = JobMode::background},
                    scenario.now(), effects);
      effects.clear();
    }
  };
  submit_all();
  submit_all();
  EXPECT_EQ(engine.queued_jobs(), jobs);
  engine.check();

  engine.handle(worker, CanDo{"even"}, scenario.now(), effects);
  engine.handle(worker, CanDo{"odd"}, scenario.now(), effects);
  for (int i = 0; i < jobs; ++i) engine.handle(worker, GrabJob{}, scenario.now(), effects);
  effects.clear();
  EXPECT_EQ(engine.running_jobs(), jobs);
  submit_all();
  EXPECT_EQ(engine.queued_jobs(), 0);
  engine.disconnected(worker, scenario.now(), effects);
  EXPECT_EQ(engine.queued_jobs(), jobs);
  std::vector<std::string> handles;
  for (const JobStatusRow& row : engine.jobs()) handles.emplace_back(row.handle);
  for (const std::string& handle : handles) {
    EXPECT_TRUE(engine.cancel_job(handle, scenario.now(), effects));
  }
  EXPECT_TRUE(engine.uniques().empty());
  engine.check();
}

}  // namespace
}  // namespace gman::test
