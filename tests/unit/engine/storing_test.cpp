// SPDX-License-Identifier: BSD-3-Clause
// What the engine gives to the store, and what waits for it.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/engine/scenario.hpp"

namespace gman::test {
namespace {

EngineSettings with_store() {
  return {.has_store = true, .memory_functions = {"passing"}};
}

TEST(storing, a_background_job_is_acknowledged_and_handed_out_when_it_is_stored) {
  Scenario(with_store()).run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB_BG f '' one    =>  c1 < JOB_CREATED H:1 when stored ; f has 1 queued, 0 running
    w1 > GRAB_JOB                  =>  w1 < NO_JOB
    w1 > PRE_SLEEP
    the store commits              =>  + H:1 ; w1 < NOOP
    w1 > GRAB_JOB                  =>  w1 < JOB_ASSIGN H:1 f one
    w1 > WORK_COMPLETE H:1 done
    the store commits              =>  - H:1
  )");
}

TEST(storing, foreground_jobs_and_those_of_memory_functions_wait_for_no_store) {
  Scenario(with_store()).run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB f '' one           =>  c1 < JOB_CREATED H:1
    c1 > SUBMIT_JOB_BG passing '' two  =>  c1 < JOB_CREATED H:2
    w1 > GRAB_JOB                      =>  w1 < JOB_ASSIGN H:1 f one
    w1 > WORK_COMPLETE H:1 done        =>  c1 < WORK_COMPLETE H:1 done
    the store commits
  )");
}

TEST(storing, one_batch_holds_what_several_turns_did_in_order) {
  Scenario(with_store()).run(R"(
    c1 > SUBMIT_JOB_BG f '' one       =>  c1 < JOB_CREATED H:1 when stored
    c2 > SUBMIT_JOB_LOW_BG f '' two   =>  c2 < JOB_CREATED H:2 when stored
    c1 > SUBMIT_JOB_HIGH_BG g '' 3    =>  c1 < JOB_CREATED H:3 when stored
    the store commits                 =>  + H:1 ; + H:2 ; + H:3
  )");
}

TEST(storing, a_delayed_job_waits_for_its_time_from_when_it_is_stored) {
  Scenario(with_store()).run(R"(
    w1 > CAN_DO f
    w1 > PRE_SLEEP
    c1 > SUBMIT_JOB_EPOCH f '' 1795305610 x  =>  c1 < JOB_CREATED H:1 when stored ; no deadline
    the store commits                        =>  + H:1 ; a deadline
    +10s                                     =>  w1 < NOOP
    the store commits                        =>  again H:1
  )");
}

TEST(storing, a_delayed_job_that_is_due_when_it_is_stored_is_queued_at_once) {
  Scenario(with_store()).run(R"(
    c1 > SUBMIT_JOB_EPOCH f '' 1795305610 x  =>  c1 < JOB_CREATED H:1 when stored
    +10s
    the store commits                        =>  + H:1
    w1 > CAN_DO f
    w1 > GRAB_JOB                            =>  w1 < JOB_ASSIGN H:1 f x
  )");
}

TEST(storing, who_joins_a_job_that_is_being_stored_hears_of_it_no_earlier) {
  Scenario(with_store()).run(R"(
    c1 > SUBMIT_JOB_BG f key one  =>  c1 < JOB_CREATED H:1 when stored
    c2 > SUBMIT_JOB_BG f key two  =>  c2 < JOB_CREATED H:1 when stored
    c3 > SUBMIT_JOB f key three   =>  c3 < JOB_CREATED H:1 when stored
    the store commits             =>  + H:1
    c4 > SUBMIT_JOB f key four    =>  c4 < JOB_CREATED H:1
  )");
}

TEST(storing, who_joins_what_the_store_has_got_a_piece_of_hears_of_it_no_earlier) {
  Scenario(with_store()).run(R"(
    c1 > SUBMIT_JOB f key one     =>  c1 < JOB_CREATED H:1
    c2 > SUBMIT_JOB_BG f key two  =>  c2 < JOB_CREATED H:1 when stored
    the store gets a piece        =>  + H:1
    c3 > SUBMIT_JOB_BG f key too  =>  c3 < JOB_CREATED H:1 when stored
    the store commits
  )");
}

TEST(storing, a_background_submit_that_joins_a_running_foreground_job_stores_it) {
  Scenario(with_store()).run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB f key one     =>  c1 < JOB_CREATED H:1
    w1 > GRAB_JOB                 =>  w1 < JOB_ASSIGN H:1 f one
    c2 > SUBMIT_JOB_BG f key one  =>  c2 < JOB_CREATED H:1 when stored
    the store commits             =>  + H:1
    w1 disconnects                =>  f has 1 queued, 0 running
    the store commits             =>  again H:1
  )");
}

TEST(storing, a_job_that_cost_a_worker_is_stored_at_its_new_place) {
  Scenario(with_store()).run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB_BG f '' one  =>  c1 < JOB_CREATED H:1 when stored
    the store commits            =>  + H:1
    w1 > GRAB_JOB                =>  w1 < JOB_ASSIGN H:1 f one
    w1 disconnects
    the store commits            =>  again H:1
  )");
}

TEST(storing, every_end_of_a_job_removes_it) {
  Scenario scenario(with_store());
  for (const std::string end : {"WORK_COMPLETE H:1 x", "WORK_FAIL H:1", "WORK_EXCEPTION H:1 x"}) {
    Scenario(with_store()).run(R"(
      w1 > CAN_DO f
      c1 > SUBMIT_JOB_BG f '' one  =>  c1 < JOB_CREATED H:1 when stored
      the store commits            =>  + H:1
      w1 > GRAB_JOB                =>  w1 < JOB_ASSIGN H:1 f one
      w1 > )" + end + R"(
      the store commits            =>  - H:1
    )");
  }
}

TEST(storing, a_cancelled_job_is_removed_while_it_runs_and_once) {
  Scenario(with_store()).run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB_BG f '' one  =>  c1 < JOB_CREATED H:1 when stored
    the store commits            =>  + H:1
    w1 > GRAB_JOB                =>  w1 < JOB_ASSIGN H:1 f one
    cancel H:1                   =>  cancelled
    the store commits            =>  - H:1
    w1 > WORK_COMPLETE H:1 x
    the store commits
  )");
}

TEST(storing, a_job_that_is_cancelled_while_it_is_being_stored_is_added_and_removed) {
  Scenario(with_store()).run(R"(
    c1 > SUBMIT_JOB_BG f '' one  =>  c1 < JOB_CREATED H:1 when stored
    cancel H:1                   =>  cancelled
    the store commits            =>  + H:1 ; - H:1
  )");
}

// Who is told that it was refused must not hear of its end as well.
TEST(storing, the_end_of_a_job_that_is_being_stored_waits_as_its_acknowledgement_does) {
  Scenario(with_store()).run(R"(
    c1 > SUBMIT_JOB_BG f key one  =>  c1 < JOB_CREATED H:1 when stored
    c2 > SUBMIT_JOB f key one     =>  c2 < JOB_CREATED H:1 when stored
    cancel H:1                    =>  c2 < WORK_FAIL H:1 when stored ; cancelled
    the store commits             =>  + H:1 ; - H:1
  )");
}

TEST(storing, jobs_that_are_not_stored_yet_are_forgotten_when_it_gives_up) {
  Scenario(with_store()).run(R"(
    c1 > SUBMIT_JOB_BG f key one  =>  c1 < JOB_CREATED H:1 when stored
    c2 > SUBMIT_JOB f key one     =>  c2 < JOB_CREATED H:1 when stored
    the store gives up            =>  f has 0 queued, 0 running
    the store commits             =>  + H:1 ; - H:1
  )");
}

TEST(storing, a_store_that_fails_refuses_what_would_have_to_be_stored_and_nothing_else) {
  Scenario(with_store()).run(R"(
    c1 > SUBMIT_JOB f key one        =>  c1 < JOB_CREATED H:1
    the store fault full
    c1 > SUBMIT_JOB_BG f '' two      =>  c1 < ERROR STORE_ERROR full
    c1 > SUBMIT_JOB_BG f key one     =>  c1 < ERROR STORE_ERROR full
    c1 > SUBMIT_JOB f '' three       =>  c1 < JOB_CREATED H:2
    c1 > SUBMIT_JOB_BG passing '' 4  =>  c1 < JOB_CREATED H:3
    the store fault
    c1 > SUBMIT_JOB_BG f '' five     =>  c1 < JOB_CREATED H:4 when stored
    the store commits                =>  + H:4
  )");
}

TEST(storing, who_joins_a_job_that_the_store_has_is_told_that_it_fails) {
  Scenario(with_store()).run(R"(
    c1 > SUBMIT_JOB_BG f key one    =>  c1 < JOB_CREATED H:1 when stored
    the store commits               =>  + H:1
    the store fault full
    c2 > SUBMIT_JOB_BG f key again  =>  c2 < ERROR STORE_ERROR full
    c2 > SUBMIT_JOB f key again     =>  c2 < JOB_CREATED H:1
    the store fault
    c2 > SUBMIT_JOB_BG f key again  =>  c2 < JOB_CREATED H:1 when stored
  )");
}

TEST(storing, jobs_that_are_being_stored_count_against_the_limits) {
  EngineSettings settings = with_store();
  settings.function_queue_max = 1;
  Scenario(settings).run(R"(
    c1 > SUBMIT_JOB_BG f '' one  =>  c1 < JOB_CREATED H:1 when stored
    c1 > SUBMIT_JOB_BG f '' two  =>  c1 < ERROR QUEUE_ERROR Job queue is full
  )");
}

TEST(restoring, gives_back_jobs_of_an_earlier_start_as_they_were) {
  EngineSettings settings = with_store();
  settings.attempts_max = 2;
  settings.first_job_number = JobNumber{2} << job_number_start_shift;
  Scenario scenario(settings);
  scenario.engine().know_start(0, "H:old");
  const auto restore = [&](JobRecord record) { scenario.engine().restore(record, scenario.now()); };
  restore({.number = 1, .position = 1, .handle_number = 1, .function = "f", .workload = "normal"});
  restore({.number = 2,
           .position = 2,
           .handle_number = 2,
           .priority = Priority::high,
           .function = "f",
           .unique = "key",
           .reducer = "r",
           .workload = "high"});
  restore({.number = 3,
           .position = 3,
           .handle_number = 3,
           .attempts_lost = 1,
           .priority = Priority::low,
           .function = "f",
           .workload = "low"});
  restore({.number = 4,
           .position = 4,
           .handle_number = 4,
           .due_ms = 1795305610'000,
           .function = "f",
           .workload = "later"});
  scenario.run(R"(
    c1 connects                      =>  f has 4 queued, 0 running
    c1 > GET_STATUS_UNIQUE key       =>  c1 < STATUS_RES_UNIQUE key 1 0 0 0 0
    w1 > CAN_DO f
    w1 > GRAB_JOB_ALL                =>  w1 < JOB_ASSIGN_ALL H:old:2 f key r high
    w1 > GRAB_JOB                    =>  w1 < JOB_ASSIGN H:old:1 f normal
    w2 > CAN_DO f
    w2 > GRAB_JOB                    =>  w2 < JOB_ASSIGN H:old:3 f low
    w1 > PRE_SLEEP
    +10s                             =>  w1 < NOOP
  )");
}

TEST(restoring, a_handle_of_an_earlier_start_still_names_its_job_and_no_other) {
  EngineSettings settings = with_store();
  settings.first_job_number = JobNumber{3} << job_number_start_shift;
  Scenario scenario(settings);
  const auto number = [](JobNumber start, JobNumber count) {
    return start << job_number_start_shift | count;
  };
  Engine& engine = scenario.engine();
  engine.know_start(1, "H:one");
  engine.know_start(2, "H:two");
  engine.restore({.number = number(1, 7), .handle_number = 7, .function = "f", .workload = "a"},
                 scenario.now());
  engine.restore({.number = number(2, 1), .handle_number = 7, .function = "f", .workload = "b"},
                 scenario.now());
  scenario.run(R"(
    c1 > GET_STATUS H:one:7       =>  c1 < STATUS_RES H:one:7 1 0 0 0
    c1 > GET_STATUS H:two:7       =>  c1 < STATUS_RES H:two:7 1 0 0 0
    c1 > GET_STATUS H:one:8       =>  c1 < STATUS_RES H:one:8 0 0 0 0
    c1 > GET_STATUS H:three:7     =>  c1 < STATUS_RES H:three:7 0 0 0 0
    cancel H:two:7                =>  cancelled
    c1 > SUBMIT_JOB f '' c        =>  c1 < JOB_CREATED H:1
    c1 > GET_STATUS H:two:7       =>  c1 < STATUS_RES H:two:7 0 0 0 0
    w1 > CAN_DO f
    w1 > GRAB_JOB                 =>  w1 < JOB_ASSIGN H:one:7 f a
    w1 > WORK_EXCEPTION H:one:7 x
    w1 > WORK_FAIL H:one:7
    c1 > GET_STATUS H:one:7       =>  c1 < STATUS_RES H:one:7 0 0 0 0
  )");
}

TEST(storing, jobs_of_a_store_that_another_server_has_are_forgotten_and_none_else) {
  Scenario(with_store()).run(R"(
    c1 > SUBMIT_JOB_BG f '' one                =>  c1 < JOB_CREATED H:1 when stored
    c1 > SUBMIT_JOB_EPOCH f '' 1795305660 two  =>  c1 < JOB_CREATED H:2 when stored
    c1 > SUBMIT_JOB_BG f key three             =>  c1 < JOB_CREATED H:3 when stored
    the store commits                          =>  + H:1 ; + H:2 ; + H:3
    c2 > SUBMIT_JOB f key four                 =>  c2 < JOB_CREATED H:3
    c2 > SUBMIT_JOB f '' five                  =>  c2 < JOB_CREATED H:4
    c2 > SUBMIT_JOB_BG passing '' six          =>  c2 < JOB_CREATED H:5
    the store is taken                         =>  c2 < WORK_FAIL H:3
                                               =>  f has 1 queued, 0 running ; no deadline
    c1 > GET_STATUS H:1                        =>  c1 < STATUS_RES H:1 0 0 0 0
    w1 > CAN_DO f
    w1 > CAN_DO passing
    w1 > GRAB_JOB                              =>  w1 < JOB_ASSIGN H:4 f five
    w1 > GRAB_JOB                              =>  w1 < JOB_ASSIGN H:5 passing six
    w1 > GRAB_JOB                              =>  w1 < NO_JOB
    the store fault gone
    c1 > SUBMIT_JOB_BG f key again             =>  c1 < ERROR STORE_ERROR gone
    c1 > SUBMIT_JOB f key again                =>  c1 < JOB_CREATED H:6
    the store commits
  )");
}

TEST(storing, a_job_that_runs_when_another_server_has_the_store_ends_with_its_run) {
  Scenario(with_store()).run(R"(
    w1 > CAN_DO f
    w2 > CAN_DO f
    c1 > SUBMIT_JOB_BG f key one  =>  c1 < JOB_CREATED H:1 when stored
    c1 > SUBMIT_JOB_BG f '' two   =>  c1 < JOB_CREATED H:2 when stored
    the store commits             =>  + H:1 ; + H:2
    w1 > GRAB_JOB                 =>  w1 < JOB_ASSIGN H:1 f one
    w2 > GRAB_JOB                 =>  w2 < JOB_ASSIGN H:2 f two
    the store is taken
    c2 > SUBMIT_JOB f key three   =>  c2 < JOB_CREATED H:3
    w1 > WORK_COMPLETE H:1 done
    w2 disconnects                =>  f has 1 queued, 0 running
    the store commits
  )");
}

TEST(storing, a_job_that_runs_for_a_client_goes_on_for_it_when_another_server_has_the_store) {
  Scenario(with_store()).run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB_BG f key one  =>  c1 < JOB_CREATED H:1 when stored
    the store commits             =>  + H:1
    w1 > GRAB_JOB                 =>  w1 < JOB_ASSIGN H:1 f one
    c2 > SUBMIT_JOB f key two     =>  c2 < JOB_CREATED H:1
    the store is taken
    w1 disconnects                =>  f has 1 queued, 0 running
    w2 > CAN_DO f
    w2 > GRAB_JOB                 =>  w2 < JOB_ASSIGN H:1 f one
    w2 > WORK_COMPLETE H:1 done   =>  c2 < WORK_COMPLETE H:1 done
    the store commits
  )");
}

TEST(storing, nobody_joins_a_job_that_is_still_to_be_forgotten_because_another_server_has_it) {
  Scenario(with_store()).run(R"(
    c1 > SUBMIT_JOB_BG f '' one      =>  c1 < JOB_CREATED H:1 when stored
    c1 > SUBMIT_JOB_BG f key two     =>  c1 < JOB_CREATED H:2 when stored
    the store commits                =>  + H:1 ; + H:2
    the store fault gone
    the store is being taken         =>  f has 1 queued, 0 running
    c2 > SUBMIT_JOB_BG f key three   =>  c2 < ERROR STORE_ERROR gone
    the store is taken               =>  f has 0 queued, 0 running
  )");
}

TEST(storing, nothing_is_assigned_before_all_that_another_server_has_is_forgotten) {
  Scenario(with_store()).run(R"(
    w1 > CAN_DO f
    w1 > CAN_DO passing
    w2 > CAN_DO passing
    w2 > PRE_SLEEP
    c1 > SUBMIT_JOB_BG f '' one         =>  c1 < JOB_CREATED H:1 when stored
    c1 > SUBMIT_JOB_BG f '' two         =>  c1 < JOB_CREATED H:2 when stored
    the store commits                   =>  + H:1 ; + H:2
    the store is being taken            =>  f has 1 queued, 0 running
    c1 > SUBMIT_JOB_BG passing '' three =>  c1 < JOB_CREATED H:3
    w1 > GRAB_JOB                       =>  w1 < NO_JOB
    the store is taken                  =>  w2 < NOOP ; f has 0 queued, 0 running
    w2 > GRAB_JOB                       =>  w2 < JOB_ASSIGN H:3 passing three
  )");
}

}  // namespace
}  // namespace gman::test
