// SPDX-License-Identifier: BSD-3-Clause
// How many jobs the server takes, and how much memory they may have: at each limit, and beyond it.
#include <gtest/gtest.h>

#include <string>

#include "server/engine/memory/block_store.hpp"
#include "tests/unit/engine/scenario.hpp"

namespace gman::test {
namespace {

TEST(jobs_max, refuses_a_job_when_as_many_wait_in_all_functions_together) {
  Scenario scenario({.jobs_max = 3});
  scenario.run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB_BG f '' 1  =>  c1 < JOB_CREATED H:1
    c1 > SUBMIT_JOB_BG g '' 2  =>  c1 < JOB_CREATED H:2
    c1 > SUBMIT_JOB_BG h '' 3  =>  c1 < JOB_CREATED H:3
    c1 > SUBMIT_JOB_BG i '' 4  =>  c1 < ERROR QUEUE_ERROR Too many jobs wait: jobs-max
    w1 > GRAB_JOB              =>  w1 < JOB_ASSIGN H:1 f 1
    c1 > SUBMIT_JOB_BG i '' 5  =>  c1 < JOB_CREATED H:4
    c1 > SUBMIT_JOB_BG i '' 6  =>  c1 < ERROR QUEUE_ERROR Too many jobs wait: jobs-max
    w1 disconnects             =>  f has 1 queued, 0 running
    cancel H:1                 =>  cancelled
    c1 > SUBMIT_JOB_BG i '' 7  =>  c1 < ERROR QUEUE_ERROR Too many jobs wait: jobs-max
    cancel H:2                 =>  cancelled
    c1 > SUBMIT_JOB_BG i '' 8  =>  c1 < JOB_CREATED H:5
  )");
}

TEST(jobs_max, counts_jobs_that_wait_for_their_time) {
  Scenario scenario({.jobs_max = 1});
  scenario.run(R"(
    c1 > SUBMIT_JOB_EPOCH f '' 99999999999 1  =>  c1 < JOB_CREATED H:1
    c1 > SUBMIT_JOB f '' 2
                      =>  c1 < ERROR QUEUE_ERROR Too many jobs wait: jobs-max
  )");
}

TEST(jobs_max, lets_a_submit_join_a_job_that_is_there) {
  Scenario scenario({.jobs_max = 1});
  scenario.run(R"(
    c1 > SUBMIT_JOB_BG f u 1  =>  c1 < JOB_CREATED H:1
    c2 > SUBMIT_JOB f u 1     =>  c2 < JOB_CREATED H:1
  )");
}

// What one job takes, by the engine's own account.
std::uint64_t bytes_of_one(const std::string& submit) {
  Scenario scenario;
  scenario.run(submit + " => c1 < JOB_CREATED H:1");
  return scenario.engine().memory_bytes();
}

TEST(memory_max, takes_jobs_up_to_the_last_byte_and_none_beyond) {
  const std::string submit = "c1 > SUBMIT_JOB_BG f unique 1000*x";
  const std::uint64_t one = bytes_of_one(submit);
  EXPECT_GT(one, 1000u);
  for (const std::uint64_t limit : {2 * one - 1, 2 * one, 2 * one + 1}) {
    Scenario scenario({.memory_bytes_max = limit});
    scenario.run(submit + " => c1 < JOB_CREATED H:1");
    scenario.run(limit < 2 * one ? "c1 > SUBMIT_JOB_BG g unique 1000*x"
                                   " => c1 < ERROR QUEUE_ERROR No memory left for jobs: memory-max"
                                 : "c1 > SUBMIT_JOB_BG g unique 1000*x => c1 < JOB_CREATED H:2");
    scenario.run(R"(
      c1 > SUBMIT_JOB_BG h unique 1000*x
        => c1 < ERROR QUEUE_ERROR No memory left for jobs: memory-max
      c1 > SUBMIT_JOB_BG f unique 1000*x  =>  c1 < JOB_CREATED H:1
    )");
    EXPECT_LE(scenario.engine().memory_bytes(), limit);
  }
}

TEST(memory_max, is_free_again_when_a_job_is_finished) {
  Scenario scenario({.memory_bytes_max = bytes_of_one("c1 > SUBMIT_JOB_BG f '' 1000*x")});
  scenario.run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB_BG f '' 1000*x  =>  c1 < JOB_CREATED H:1
    w1 > GRAB_JOB                   =>  w1 < JOB_ASSIGN H:1 f 1000*x
    c1 > SUBMIT_JOB_BG f '' ''      =>  c1 < ERROR QUEUE_ERROR No memory left for jobs: memory-max
    w1 > WORK_COMPLETE H:1 done
    c1 > SUBMIT_JOB_BG f '' 1000*x  =>  c1 < JOB_CREATED H:2
  )");
}

TEST(memory_max, counts_whole_pages_of_a_large_workload) {
  constexpr std::size_t largest_small = engine::BlockStore::slab_block_bytes_max;
  EXPECT_EQ(engine::BlockStore::block_bytes(0), 0u);
  EXPECT_EQ(engine::BlockStore::block_bytes(1), 16u);
  EXPECT_EQ(engine::BlockStore::block_bytes(16), 16u);
  EXPECT_EQ(engine::BlockStore::block_bytes(17), 32u);
  EXPECT_EQ(engine::BlockStore::block_bytes(largest_small), largest_small);
  EXPECT_EQ(engine::BlockStore::block_bytes(largest_small + 1), largest_small + 4096);
  const auto scenario_bytes = bytes_of_one("c1 > SUBMIT_JOB_BG f '' 100000*x");
  EXPECT_GE(scenario_bytes, engine::BlockStore::block_bytes(100'000));
}

TEST(changed_settings, hold_from_now_on_and_take_nothing_away) {
  EngineSettings settings{.jobs_max = 1};
  Scenario scenario(settings);
  scenario.run(R"(
    c1 > SUBMIT_JOB_BG f '' 1  =>  c1 < JOB_CREATED H:1
    c1 > SUBMIT_JOB_BG f '' 2  =>  c1 < ERROR QUEUE_ERROR Too many jobs wait: jobs-max
  )");
  settings.jobs_max = 0;
  settings.function_queue_max = 2;
  settings.handle_prefix = "other";
  scenario.engine().change(settings);
  scenario.run(R"(
    c1 > SUBMIT_JOB_BG f '' 2  =>  c1 < JOB_CREATED H:2
    c1 > SUBMIT_JOB_BG f '' 3  =>  c1 < ERROR QUEUE_ERROR Job queue is full
    maxqueue g 0 0 0
    c1 > SUBMIT_JOB_BG g '' 1  =>  c1 < JOB_CREATED H:3
  )");
  settings.function_queue_max = 1;
  settings.attempts_max = 1;
  scenario.engine().change(settings);
  scenario.run(R"(
    +1ms                       =>  f has 2 queued, 0 running
    c1 > SUBMIT_JOB_BG f '' 3  =>  c1 < ERROR QUEUE_ERROR Job queue is full
    c1 > SUBMIT_JOB_BG g '' 2  =>  c1 < JOB_CREATED H:4
    w1 > CAN_DO f
    w1 > GRAB_JOB              =>  w1 < JOB_ASSIGN H:1 f 1
    w1 disconnects             =>  f has 1 queued, 0 running
  )");
}

}  // namespace
}  // namespace gman::test
