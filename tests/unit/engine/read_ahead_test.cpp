// SPDX-License-Identifier: BSD-3-Clause
// What of a backlog stays in the store alone, and when it is asked for.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "server/engine/read_ahead.hpp"
#include "tests/unit/engine/scenario.hpp"

namespace gman::test {
namespace {

// Two workloads of four bytes fit into three quarters of it, and one is far ahead already.
constexpr std::uint64_t two_workloads = 11;

EngineSettings with_budget(std::uint64_t bytes = two_workloads) {
  return {.workload_memory_bytes_max = bytes, .has_store = true, .memory_functions = {"passing"}};
}

// Four jobs of f, of which H:3 and H:4 are away.
constexpr std::string_view four_jobs = R"(
    c1 > SUBMIT_JOB_BG f '' aaaa  =>  c1 < JOB_CREATED H:1 when stored
    c1 > SUBMIT_JOB_BG f '' bbbb  =>  c1 < JOB_CREATED H:2 when stored
    c1 > SUBMIT_JOB_BG f '' cccc  =>  c1 < JOB_CREATED H:3 when stored
    c1 > SUBMIT_JOB_BG f '' dddd  =>  c1 < JOB_CREATED H:4 when stored
    the store commits             =>  + H:1 ; + H:2 ; + H:3 ; + H:4 ; f has 4 queued, 0 running
)";

std::size_t jobs_away(Scenario& scenario) {
  return scenario.engine().away().jobs;
}

TEST(read_ahead, what_is_beyond_the_budget_is_read_when_it_is_needed_and_handed_out_in_order) {
  Scenario scenario(with_budget());
  scenario.run(four_jobs);
  EXPECT_EQ(jobs_away(scenario), 2u);
  EXPECT_EQ(scenario.engine().away().bytes, 8u);
  EXPECT_EQ(scenario.engine().away().bytes_here, 8u);
  scenario.run(R"(
    w1 > CAN_DO f
    w1 > GRAB_JOB                =>  w1 < JOB_ASSIGN H:1 f aaaa
    w1 > WORK_COMPLETE H:1 done
    w1 > GRAB_JOB                =>  w1 < JOB_ASSIGN H:2 f bbbb ; wants H:3
    w1 > WORK_COMPLETE H:2 done
    w1 > GRAB_JOB                =>  w1 < NO_JOB
    w1 > PRE_SLEEP               =>  f has 2 queued, 0 running
    the store reads H:3          =>  w1 < NOOP
    w1 > GRAB_JOB                =>  w1 < JOB_ASSIGN H:3 f cccc ; wants H:4
    the store reads H:4
    w1 > GRAB_JOB                =>  w1 < JOB_ASSIGN H:4 f dddd
  )");
  EXPECT_EQ(jobs_away(scenario), 0u);
}

TEST(read_ahead, a_budget_of_zero_is_none) {
  Scenario scenario(with_budget(0));
  scenario.run(four_jobs);
  EXPECT_EQ(jobs_away(scenario), 0u);
}

TEST(read_ahead, a_workload_stays_up_to_the_last_byte_of_the_budget) {
  for (const std::uint64_t budget : {3, 4, 5}) {
    Scenario scenario(with_budget(budget));
    scenario.run(R"(
      c1 > SUBMIT_JOB_BG f '' aaaa  =>  c1 < JOB_CREATED H:1 when stored
      the store commits             =>  + H:1
    )");
    EXPECT_EQ(jobs_away(scenario), budget < 4 ? 1u : 0u);
  }
}

TEST(read_ahead, a_long_queue_stays_up_to_three_quarters_of_the_budget) {
  for (const std::uint64_t budget : {10, 11}) {
    Scenario scenario(with_budget(budget));
    scenario.run(R"(
      c1 > SUBMIT_JOB_BG f '' aaaa  =>  c1 < JOB_CREATED H:1 when stored
      c1 > SUBMIT_JOB_BG f '' bbbb  =>  c1 < JOB_CREATED H:2 when stored
      the store commits             =>  + H:1 ; + H:2
    )");
    EXPECT_EQ(engine::share_of_those_behind(budget), budget == 10 ? 8u : 9u);
    EXPECT_EQ(jobs_away(scenario), 0u);
  }
  Scenario scenario(with_budget(9));  // whose share is 7
  scenario.run(R"(
    c1 > SUBMIT_JOB_BG f '' aaaa  =>  c1 < JOB_CREATED H:1 when stored
    c1 > SUBMIT_JOB_BG f '' bbbb  =>  c1 < JOB_CREATED H:2 when stored
    c1 > SUBMIT_JOB_BG g '' cccc  =>  c1 < JOB_CREATED H:3 when stored
    the store commits             =>  + H:1 ; + H:2 ; + H:3
  )");
  EXPECT_EQ(jobs_away(scenario), 1u);  // a short queue may use all of it
}

TEST(read_ahead, nothing_is_read_for_a_function_that_nobody_can_do) {
  Scenario scenario(with_budget(1));
  scenario.run(four_jobs);
  EXPECT_EQ(jobs_away(scenario), 4u);
  scenario.run(R"(
    w1 > CAN_DO f        =>  wants H:1
    w1 > GRAB_JOB        =>  w1 < NO_JOB
    w1 > PRE_SLEEP
    the store reads H:1  =>  w1 < NOOP
    w1 > GRAB_JOB        =>  w1 < JOB_ASSIGN H:1 f aaaa ; wants H:2
  )");
}

TEST(read_ahead, while_a_workload_is_on_its_way_other_functions_and_priorities_go_on) {
  Scenario scenario(with_budget(1));
  scenario.run(R"(
    w1 > CAN_DO f
    w1 > CAN_DO passing
    c1 > SUBMIT_JOB_HIGH_BG f '' aaaa   =>  c1 < JOB_CREATED H:1 when stored
    c1 > SUBMIT_JOB_LOW f '' low        =>  c1 < JOB_CREATED H:2
    c1 > SUBMIT_JOB_BG passing '' pass  =>  c1 < JOB_CREATED H:3
    the store commits                   =>  + H:1 ; wants H:1
    w1 > GRAB_JOB                       =>  w1 < JOB_ASSIGN H:3 passing pass
    w1 > GRAB_JOB                       =>  w1 < JOB_ASSIGN H:2 f low
    w1 > GRAB_JOB                       =>  w1 < NO_JOB
    w1 > PRE_SLEEP
    the store reads H:1                 =>  w1 < NOOP
    w1 > GRAB_JOB                       =>  w1 < JOB_ASSIGN H:1 f aaaa
  )");
}

TEST(read_ahead, a_job_behind_one_that_is_awaited_waits_for_it) {
  Scenario(with_budget(1)).run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB_BG f '' aaaa  =>  c1 < JOB_CREATED H:1 when stored
    the store commits             =>  + H:1 ; wants H:1
    w1 > PRE_SLEEP
    c1 > SUBMIT_JOB f '' here     =>  c1 < JOB_CREATED H:2
    w2 > CAN_DO f
    w2 > GRAB_JOB                 =>  w2 < NO_JOB
    the store reads H:1           =>  w1 < NOOP
    w2 > GRAB_JOB                 =>  w2 < JOB_ASSIGN H:1 f aaaa
    w1 > GRAB_JOB                 =>  w1 < JOB_ASSIGN H:2 f here
  )");
}

TEST(read_ahead, a_job_that_is_cancelled_on_its_way_makes_room_for_the_next) {
  Scenario scenario(with_budget(1));
  scenario.run(R"(
    w1 > CAN_DO f
    w1 > PRE_SLEEP
    c1 > SUBMIT_JOB_BG f '' aaaa  =>  c1 < JOB_CREATED H:1 when stored
    the store commits             =>  + H:1 ; wants H:1
    c1 > SUBMIT_JOB f '' here     =>  c1 < JOB_CREATED H:2
    cancel H:1                    =>  w1 < NOOP ; cancelled
    the store reads H:1
    w1 > GRAB_JOB                 =>  w1 < JOB_ASSIGN H:2 f here
    the store commits             =>  - H:1
  )");
  EXPECT_EQ(jobs_away(scenario), 0u);
}

TEST(read_ahead, a_job_that_is_cancelled_while_it_is_away_is_never_asked_for) {
  Scenario(with_budget()).run(std::string(four_jobs) + R"(
    cancel H:3                   =>  cancelled
    w1 > CAN_DO f
    w1 > GRAB_JOB                =>  w1 < JOB_ASSIGN H:1 f aaaa
    w1 > GRAB_JOB                =>  w1 < JOB_ASSIGN H:2 f bbbb ; wants H:4
  )");
}

TEST(read_ahead, a_lost_workload_fails_its_job_and_no_other_and_leaves_the_store_alone) {
  Scenario scenario(with_budget(1));
  scenario.run(R"(
    c1 > SUBMIT_JOB_BG f key aaaa  =>  c1 < JOB_CREATED H:1 when stored
    c1 > SUBMIT_JOB_BG f '' bbbb   =>  c1 < JOB_CREATED H:2 when stored
    the store commits              =>  + H:1 ; + H:2
    c2 > SUBMIT_JOB f key again    =>  c2 < JOB_CREATED H:1
    w1 > CAN_DO f                  =>  wants H:1
    w1 > PRE_SLEEP
    the store has lost H:1         =>  c2 < WORK_FAIL H:1 ; wants H:2
    the store commits
    the store reads H:2            =>  w1 < NOOP
    w1 > GRAB_JOB                  =>  w1 < JOB_ASSIGN H:2 f bbbb
  )");
}

TEST(read_ahead, what_is_lost_of_a_job_that_is_gone_is_nothing) {
  Scenario scenario(with_budget(1));
  scenario.run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB_BG f '' aaaa   =>  c1 < JOB_CREATED H:1 when stored
    c1 > SUBMIT_JOB_BG f '' bbbb   =>  c1 < JOB_CREATED H:2 when stored
    the store commits              =>  + H:1 ; + H:2 ; wants H:1
    cancel H:1                     =>  cancelled ; wants H:2
  )");
  Effects effects;
  Engine& engine = scenario.engine();
  const JobNumber first = 1;
  EXPECT_EQ(engine.lost(std::array{first, first + 1}, scenario.now(), effects),
            std::vector{first + 1});
  EXPECT_EQ(engine.lost(std::array{first, first + 1}, scenario.now(), effects),
            std::vector<JobNumber>{});
  engine.check();
}

TEST(read_ahead, jobs_that_are_lost_while_they_are_away_are_found) {
  Scenario scenario(with_budget());
  scenario.run(std::string(four_jobs) + R"(
    the store has lost H:4 H:3 H:1  =>  f has 2 queued, 0 running
    the store commits
  )");
  EXPECT_EQ(jobs_away(scenario), 0u);
}

TEST(read_ahead, what_may_be_needed_before_the_run_stays) {
  Scenario scenario(with_budget(1));
  scenario.run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB_BG f - key           =>  c1 < JOB_CREATED H:1 when stored
    c1 > SUBMIT_JOB_BG f '' ''           =>  c1 < JOB_CREATED H:2 when stored
    c1 > SUBMIT_JOB_BG passing '' pass   =>  c1 < JOB_CREATED H:3
    c1 > SUBMIT_JOB f '' fore            =>  c1 < JOB_CREATED H:4
    the store commits                    =>  + H:1 ; + H:2
    c2 > SUBMIT_JOB_BG f - key           =>  c2 < JOB_CREATED H:1 when stored
    w1 > GRAB_JOB                        =>  w1 < JOB_ASSIGN H:4 f fore
    w1 > GRAB_JOB                        =>  w1 < JOB_ASSIGN H:1 f key
  )");
  EXPECT_EQ(jobs_away(scenario), 0u);
}

TEST(read_ahead, a_foreground_job_that_joins_the_store_stays) {
  Scenario scenario(with_budget(1));
  scenario.run(R"(
    c1 > SUBMIT_JOB f key one     =>  c1 < JOB_CREATED H:1
    c2 > SUBMIT_JOB_BG f key two  =>  c2 < JOB_CREATED H:1 when stored
    the store commits             =>  + H:1
    w1 > CAN_DO f
    w1 > GRAB_JOB                 =>  w1 < JOB_ASSIGN H:1 f one
    w1 disconnects
    the store commits             =>  again H:1
  )");
  EXPECT_EQ(jobs_away(scenario), 0u);
}

TEST(read_ahead, a_delayed_job_is_read_when_it_is_due) {
  Scenario scenario(with_budget(1));
  scenario.run(R"(
    w1 > CAN_DO f
    w1 > PRE_SLEEP
    c1 > SUBMIT_JOB_EPOCH f '' 1795305610 later  =>  c1 < JOB_CREATED H:1 when stored
    the store commits                            =>  + H:1
    +10s                                         =>  wants H:1
    the store commits                            =>  again H:1
    the store reads H:1                          =>  w1 < NOOP
    w1 > GRAB_JOB                                =>  w1 < JOB_ASSIGN H:1 f later
  )");
}

TEST(read_ahead, a_job_that_lost_its_worker_goes_behind_what_is_away_and_is_read_again) {
  Scenario scenario(with_budget());
  scenario.run(std::string(four_jobs) + R"(
    w1 > CAN_DO f
    w1 > GRAB_JOB                =>  w1 < JOB_ASSIGN H:1 f aaaa
    w1 disconnects
    the store commits            =>  again H:1
  )");
  EXPECT_EQ(jobs_away(scenario), 3u);
  scenario.run(R"(
    w2 > CAN_DO f                =>  wants H:3
    w2 > GRAB_JOB                =>  w2 < JOB_ASSIGN H:2 f bbbb
    the store reads H:3
    w2 > GRAB_JOB                =>  w2 < JOB_ASSIGN H:3 f cccc ; wants H:4
    the store reads H:4
    w2 > GRAB_JOB                =>  w2 < JOB_ASSIGN H:4 f dddd ; wants H:1
    the store reads H:1
    w2 > GRAB_JOB                =>  w2 < JOB_ASSIGN H:1 f aaaa
  )");
}

TEST(read_ahead, workloads_that_come_in_another_order_are_handed_out_in_theirs) {
  Scenario scenario(with_budget(32));  // of which four are far ahead
  scenario.run(R"(
    c1 > SUBMIT_JOB_BG f '' 30*a  =>  c1 < JOB_CREATED H:1 when stored
    c1 > SUBMIT_JOB_BG f '' bb    =>  c1 < JOB_CREATED H:2 when stored
    c1 > SUBMIT_JOB_BG f '' cc    =>  c1 < JOB_CREATED H:3 when stored
    the store commits             =>  + H:1 ; + H:2 ; + H:3
    w1 > CAN_DO f
    w1 > GRAB_JOB                 =>  w1 < JOB_ASSIGN H:1 f 30*a ; wants H:2 H:3
    w2 > CAN_DO f
    w2 > PRE_SLEEP
    the store reads H:3
    the store reads H:2           =>  w2 < NOOP
    w1 > GRAB_JOB                 =>  w1 < JOB_ASSIGN H:2 f bb
    w1 > GRAB_JOB                 =>  w1 < JOB_ASSIGN H:3 f cc
  )");
}

TEST(read_ahead, no_more_is_asked_for_than_may_come_at_once) {
  // Each queue may have much ahead, and what is asked for is bounded all the same.
  constexpr std::uint64_t workload_bytes = 64 << 10;
  constexpr std::size_t jobs = 3 * engine::coming_bytes_max / workload_bytes;
  Engine engine({.workload_memory_bytes_max = std::uint64_t{1} << 30,
                 .has_store = true,
                 .first_job_number = JobNumber{2} << job_number_start_shift});
  engine.know_start(1, "H:one");
  for (std::uint64_t i = 1; i <= jobs; ++i) {
    const JobNumber number = (JobNumber{1} << job_number_start_shift) + i;
    engine.restore({.number = number,
                    .position = number,
                    .handle_number = i,
                    .away_bytes = workload_bytes,
                    .function = "f"},
                   {});
  }
  engine.check();
  EXPECT_EQ(engine.away().jobs, jobs);
  EXPECT_EQ(engine.away().bytes, jobs * workload_bytes);

  Effects effects;
  const ConnId worker{0};
  engine.connected(worker);
  engine.handle(worker, CanDo{.function = "f"}, {}, effects);
  engine.check();
  std::vector<JobNumber> wanted = effects.take_wanted();
  ASSERT_EQ(wanted.size(), engine::coming_bytes_max / workload_bytes);
  EXPECT_TRUE(effects.take_wanted().empty());

  engine.fetched(wanted[0], std::string(workload_bytes, 'x'), {}, effects);
  engine.check();
  EXPECT_EQ(effects.take_wanted(), std::vector{wanted.back() + 1});
}

TEST(read_ahead, a_copy_of_all_that_is_stored_says_what_is_left_out) {
  Scenario scenario(with_budget());
  scenario.run(four_jobs);
  JobChanges copy;
  EXPECT_EQ(scenario.engine().copy_stored(0, 1'000'000, copy), std::nullopt);
  ASSERT_EQ(copy.added_count(), 4u);
  EXPECT_EQ(copy.added(1).workload, "bbbb");
  EXPECT_EQ(copy.added(1).away_bytes, 0u);
  EXPECT_EQ(copy.added(2).workload, "");
  EXPECT_EQ(copy.added(2).away_bytes, 4u);
}

}  // namespace
}  // namespace gman::test
