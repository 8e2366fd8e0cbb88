// SPDX-License-Identifier: BSD-3-Clause
// The packets from 1000 up, and what only they can ask for.
#include <gtest/gtest.h>

#include <string>

#include "protocol/limits.hpp"
#include "tests/unit/engine/scenario.hpp"

namespace gman::test {
namespace {

// Peers that have asked for everything.
constexpr std::string_view negotiated = R"(
    c1 > OPTION_REQ gman.submit       =>  c1 < OPTION_RES gman.submit
    c1 > OPTION_REQ gman.submit_many  =>  c1 < OPTION_RES gman.submit_many
    c2 > OPTION_REQ gman.submit       =>  c2 < OPTION_RES gman.submit
    w1 > OPTION_REQ gman.can_do_many  =>  w1 < OPTION_RES gman.can_do_many
)";

TEST(extended, is_an_unknown_type_until_its_own_option_was_asked_for) {
  Scenario scenario;
  scenario.run(R"(
    c1 > SUBMIT f u1 mode=background data
    =>  c1 < ERROR INVALID_COMMAND No packet has this type number ; c1 closed: protocol_error
    c2 > SUBMIT_MANY
    =>  c2 < ERROR INVALID_COMMAND No packet has this type number ; c2 closed: protocol_error
    c3 > OPTION_REQ gman.submit  =>  c3 < OPTION_RES gman.submit
    c3 > CAN_DO_MANY f 0
    =>  c3 < ERROR INVALID_COMMAND No packet has this type number ; c3 closed: protocol_error
    => f has 0 queued, 0 running
  )");
}

TEST(extended, understands_its_option_in_any_case_and_no_other_of_that_prefix) {
  Scenario scenario;
  scenario.run(R"(
    c1 > OPTION_REQ GMAN.Submit  =>  c1 < OPTION_RES GMAN.Submit
    c1 > SUBMIT f u1 '' data     =>  c1 < JOB_CREATED H:1
    c1 > OPTION_REQ gman.more
    =>  c1 < ERROR UNKNOWN_OPTION Server does not recognize given option
  )");
}

TEST(extended, submits_in_the_foreground_with_normal_priority_unless_told) {
  Scenario scenario;
  scenario.run(negotiated);
  scenario.run(R"(
    c1 > SUBMIT f u1 '' first                          =>  c1 < JOB_CREATED H:1
    c2 > SUBMIT f '' mode=background,priority=low two  =>  c2 < JOB_CREATED H:2
    c2 > SUBMIT f '' priority=high,mode=foreground hi  =>  c2 < JOB_CREATED H:3
    c2 > SUBMIT f '' priority=normal three             =>  c2 < JOB_CREATED H:4
    w1 > CAN_DO f
    w1 > GRAB_JOB  =>  w1 < JOB_ASSIGN H:3 f hi
    w1 > GRAB_JOB  =>  w1 < JOB_ASSIGN H:1 f first
    w1 > GRAB_JOB  =>  w1 < JOB_ASSIGN H:4 f three
    w1 > GRAB_JOB  =>  w1 < JOB_ASSIGN H:2 f two
    w1 > WORK_COMPLETE H:1 done  =>  c1 < WORK_COMPLETE H:1 done
    w1 > WORK_COMPLETE H:2 done
  )");
}

TEST(extended, refuses_an_unknown_option_by_its_name_and_makes_no_job) {
  Scenario scenario;
  scenario.run(negotiated);
  scenario.run(R"(
    c1 > SUBMIT f u1 mode=background,colour=red data
    =>  c1 < ERROR UNKNOWN_OPTION Unknown option colour ; f has 0 queued, 0 running
    c1 > SUBMIT f u1 mode=sideways data
    =>  c1 < ERROR INVALID_ARGUMENT Option mode: not one of foreground, background
    c1 > SUBMIT f u1 mode=background,mode=background data
    =>  c1 < ERROR INVALID_ARGUMENT Option mode: given twice
    c1 > SUBMIT f u1 '' data  =>  c1 < JOB_CREATED H:1
  )");
}

TEST(extended, runs_a_job_of_any_priority_and_mode_at_its_millisecond) {
  Scenario scenario;
  scenario.set_wall(WallTime(std::chrono::seconds(1000)));
  scenario.run(negotiated);
  scenario.run(R"(
    w1 > CAN_DO f
    w1 > PRE_SLEEP
    c1 > SUBMIT f u1 run_at=1000250,priority=high data    =>  c1 < JOB_CREATED H:1
    c1 > SUBMIT f u2 run_at=1000250,mode=background data  =>  c1 < JOB_CREATED H:2
    => f has 2 scheduled, 0 running
    +249ms                       =>  f has 2 scheduled, 0 running
    +1ms                         =>  w1 < NOOP
    w1 > GRAB_JOB                =>  w1 < JOB_ASSIGN H:1 f data
    w1 > WORK_COMPLETE H:1 done  =>  c1 < WORK_COMPLETE H:1 done
    c1 > SUBMIT f u3 run_at=1000250,mode=background data  =>  c1 < JOB_CREATED H:3
    w1 > GRAB_JOB                =>  w1 < JOB_ASSIGN H:2 f data
    w1 > GRAB_JOB                =>  w1 < JOB_ASSIGN H:3 f data
  )");
}

TEST(extended, drops_a_foreground_job_whose_client_leaves_before_its_time) {
  Scenario scenario;
  scenario.set_wall(WallTime(std::chrono::seconds(1000)));
  scenario.run(negotiated);
  scenario.run(R"(
    c1 > SUBMIT f u1 run_at=2000000 data                   =>  c1 < JOB_CREATED H:1
    c1 > SUBMIT f u2 run_at=2000000,mode=background data   =>  c1 < JOB_CREATED H:2
    c1 disconnects                                         =>  f has 1 scheduled, 0 running
  )");
}

TEST(extended, counts_a_scheduled_job_under_its_priority) {
  Scenario scenario;
  scenario.run(negotiated);
  scenario.run(R"(
    c1 > SUBMIT f '' priority=high,mode=background,run_at=253402300799999 a => c1 < JOB_CREATED H:1
    c1 > SUBMIT f '' priority=low,mode=background,run_at=253402300799999 b => c1 < JOB_CREATED H:2
    c1 > SUBMIT f '' priority=low,mode=background c => c1 < JOB_CREATED H:3
  )");
  const auto rows = scenario.engine().priority_status();
  ASSERT_EQ(rows.size(), 1);
  EXPECT_EQ(rows[0].queued, (std::array<std::uint64_t, priority_count>{1, 0, 2}));
}

// ---- Unique modes

TEST(until_start, joins_a_job_that_waits_and_none_that_runs) {
  Scenario scenario;
  scenario.run(negotiated);
  scenario.run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT f row mode=background,unique_mode=until_start data  =>  c1 < JOB_CREATED H:1
    c2 > SUBMIT f row mode=background,unique_mode=until_start data  =>  c2 < JOB_CREATED H:1
    w1 > GRAB_JOB                =>  w1 < JOB_ASSIGN H:1 f data
    c1 > SUBMIT f row mode=background,unique_mode=until_start data  =>  c1 < JOB_CREATED H:2
    c2 > SUBMIT f row mode=background,unique_mode=until_start data  =>  c2 < JOB_CREATED H:2
    => f has 1 queued, 1 running
    w1 > WORK_COMPLETE H:1 done
    w1 > GRAB_JOB                =>  w1 < JOB_ASSIGN H:2 f data
    w1 > WORK_COMPLETE H:2 done
    c1 > SUBMIT f row mode=background,unique_mode=until_start data  =>  c1 < JOB_CREATED H:3
  )");
}

TEST(until_start, takes_the_key_of_a_running_job_that_a_plain_submit_made) {
  Scenario scenario;
  scenario.run(negotiated);
  scenario.run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB f row old                          =>  c1 < JOB_CREATED H:1
    w1 > GRAB_JOB                                      =>  w1 < JOB_ASSIGN H:1 f old
    c2 > SUBMIT f row unique_mode=until_start new      =>  c2 < JOB_CREATED H:2
    w1 > WORK_COMPLETE H:1 done                        =>  c1 < WORK_COMPLETE H:1 done
    w1 > GRAB_JOB                                      =>  w1 < JOB_ASSIGN H:2 f new
    w1 > WORK_COMPLETE H:2 done                        =>  c2 < WORK_COMPLETE H:2 done
  )");
}

TEST(until_start, lets_alive_submits_join_the_newer_job) {
  Scenario scenario;
  scenario.run(negotiated);
  scenario.run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB_BG f row old                                   =>  c1 < JOB_CREATED H:1
    w1 > GRAB_JOB                                                  =>  w1 < JOB_ASSIGN H:1 f old
    c1 > SUBMIT f row mode=background,unique_mode=until_start new  =>  c1 < JOB_CREATED H:2
    c2 > SUBMIT_JOB f row other                                    =>  c2 < JOB_CREATED H:2
    w1 > GRAB_JOB                                                  =>  w1 < JOB_ASSIGN H:2 f new
    c2 > SUBMIT f row unique_mode=alive other                      =>  c2 < JOB_CREATED H:2
    w1 > WORK_COMPLETE H:2 done
    => c2 < WORK_COMPLETE H:2 done ; c2 < WORK_COMPLETE H:2 done
    c1 > GET_STATUS_UNIQUE row             =>  c1 < STATUS_RES_UNIQUE row 0 0 0 0 0
    c1 > GET_STATUS H:1                    =>  c1 < STATUS_RES H:1 1 1 0 0
    c1 > SUBMIT_JOB_BG f row again         =>  c1 < JOB_CREATED H:3
  )");
}

TEST(until_start, runs_both_when_a_requeued_job_finds_its_key_taken) {
  Scenario scenario;
  scenario.run(negotiated);
  scenario.run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT f row mode=background,unique_mode=until_start old  =>  c1 < JOB_CREATED H:1
    w1 > GRAB_JOB                                                  =>  w1 < JOB_ASSIGN H:1 f old
    c1 > SUBMIT f row mode=background,unique_mode=until_start new  =>  c1 < JOB_CREATED H:2
    w1 disconnects                                                 =>  f has 2 queued, 0 running
    c1 > SUBMIT f row mode=background,unique_mode=until_start new  =>  c1 < JOB_CREATED H:2
    c1 > SUBMIT_JOB_BG f row new                                   =>  c1 < JOB_CREATED H:2
    w2 > CAN_DO f
    w2 > GRAB_JOB                =>  w2 < JOB_ASSIGN H:2 f new
    w2 > GRAB_JOB                =>  w2 < JOB_ASSIGN H:1 f old
    w2 > WORK_COMPLETE H:1 done
    w2 > WORK_COMPLETE H:2 done  =>  f has 0 queued, 0 running
  )");
}

TEST(until_start, gives_a_requeued_job_its_key_back_when_nobody_has_it) {
  Scenario scenario;
  scenario.run(negotiated);
  scenario.run(R"(
    w1 > CAN_DO f
    w2 > CAN_DO f
    c1 > SUBMIT f row mode=background,unique_mode=until_start old  =>  c1 < JOB_CREATED H:1
    w1 > GRAB_JOB                                                  =>  w1 < JOB_ASSIGN H:1 f old
    c1 > SUBMIT f row mode=background,unique_mode=until_start new  =>  c1 < JOB_CREATED H:2
    w2 > GRAB_JOB                                                  =>  w2 < JOB_ASSIGN H:2 f new
    w2 > WORK_COMPLETE H:2 done
    w1 disconnects                                                 =>  f has 1 queued, 0 running
    c1 > SUBMIT f row mode=background,unique_mode=until_start xyz  =>  c1 < JOB_CREATED H:1
  )");
}

TEST(until_start, joins_a_job_that_lost_its_worker_since_it_is_run_anew) {
  Scenario scenario;
  scenario.run(negotiated);
  scenario.run(R"(
    w1 > CAN_DO_TIMEOUT f 100
    c1 > SUBMIT f row mode=background,unique_mode=until_start old  =>  c1 < JOB_CREATED H:1
    w1 > GRAB_JOB                                                  =>  w1 < JOB_ASSIGN H:1 f old
    +100ms                                                         =>  f has 1 queued, 0 running
    c1 > SUBMIT f row mode=background,unique_mode=until_start new  =>  c1 < JOB_CREATED H:1
  )");
}

TEST(until_start, takes_the_workload_as_the_key_of_the_unique_minus) {
  Scenario scenario;
  scenario.run(negotiated);
  scenario.run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT f - mode=background,unique_mode=until_start data  =>  c1 < JOB_CREATED H:1
    c1 > SUBMIT f - mode=background,unique_mode=until_start data  =>  c1 < JOB_CREATED H:1
    w1 > GRAB_JOB                                                 =>  w1 < JOB_ASSIGN H:1 f data
    c1 > SUBMIT f - mode=background,unique_mode=until_start data  =>  c1 < JOB_CREATED H:2
    c1 > SUBMIT f - mode=background,unique_mode=until_start ''    =>  c1 < JOB_CREATED H:3
    c1 > SUBMIT f - mode=background,unique_mode=until_start ''    =>  c1 < JOB_CREATED H:4
  )");
}

TEST(until_start, leaves_the_running_job_its_key_when_the_queue_is_full) {
  Scenario scenario;
  scenario.run(negotiated);
  scenario.run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB_BG f row old                  =>  c1 < JOB_CREATED H:1
    w1 > GRAB_JOB                                 =>  w1 < JOB_ASSIGN H:1 f old
    maxqueue f 1 1 1
    c1 > SUBMIT_JOB_BG f '' other                 =>  c1 < JOB_CREATED H:2
    c1 > SUBMIT f row unique_mode=until_start new =>  c1 < ERROR QUEUE_ERROR Job queue is full
    c1 > SUBMIT_JOB_BG f row old                  =>  c1 < JOB_CREATED H:1
  )");
}

TEST(until_start, forgets_the_key_of_a_cancelled_job_once) {
  Scenario scenario;
  scenario.run(negotiated);
  scenario.run(R"(
    w1 > CAN_DO f
    c1 > SUBMIT_JOB_BG f row old                                   =>  c1 < JOB_CREATED H:1
    w1 > GRAB_JOB                                                  =>  w1 < JOB_ASSIGN H:1 f old
    c1 > SUBMIT f row mode=background,unique_mode=until_start new  =>  c1 < JOB_CREATED H:2
    cancel H:1                                                     =>  cancelled
    c1 > SUBMIT_JOB_BG f row old                                   =>  c1 < JOB_CREATED H:2
    w1 disconnects                                                 =>  f has 1 queued, 0 running
  )");
}

// ---- SUBMIT_MANY

TEST(submit_many, answers_each_job_by_itself_and_in_order) {
  Scenario scenario;
  scenario.run(negotiated);
  scenario.run(R"(
    c1 > SUBMIT_MANY f mode=background [u1:one] [65*u:two] [:three] [u1:four] [-:]
    =>  c1 < JOB_CREATED H:1 ; c1 < ERROR ARGUMENT_TOO_LARGE Unique value too large
    =>  c1 < JOB_CREATED H:2 ; c1 < JOB_CREATED H:1 ; c1 < JOB_CREATED H:3
    w1 > CAN_DO f
    w1 > GRAB_JOB  =>  w1 < JOB_ASSIGN H:1 f one
    w1 > GRAB_JOB  =>  w1 < JOB_ASSIGN H:2 f three
    w1 > GRAB_JOB  =>  w1 < JOB_ASSIGN H:3 f ''
  )");
}

TEST(submit_many, refuses_each_job_beyond_the_queue_and_wakes_as_many_as_there_are_jobs) {
  Scenario scenario;
  scenario.run(negotiated);
  scenario.run(R"(
    maxqueue f 2 2 2
    w1 > CAN_DO f
    w1 > PRE_SLEEP
    w2 > CAN_DO f
    w2 > PRE_SLEEP
    w3 > CAN_DO f
    w3 > PRE_SLEEP
    c1 > SUBMIT_MANY f mode=background [:one] [:two] [:three]
    =>  c1 < JOB_CREATED H:1 ; w1 < NOOP ; c1 < JOB_CREATED H:2 ; w2 < NOOP
    =>  c1 < ERROR QUEUE_ERROR Job queue is full
  )");
}

TEST(submit_many, refuses_every_job_for_what_they_have_in_common) {
  Scenario scenario;
  scenario.run(negotiated);
  scenario.run(R"(
    c1 > SUBMIT_MANY f colour=red [:one] [:two]
    =>  c1 < ERROR UNKNOWN_OPTION Unknown option colour
    =>  c1 < ERROR UNKNOWN_OPTION Unknown option colour ; f has 0 queued, 0 running
    c1 > SUBMIT_MANY '' '' [:one]
    =>  c1 < ERROR INVALID_FUNCTION_NAME Function name is empty
  )");
}

TEST(submit_many, makes_no_job_of_a_packet_whose_jobs_cannot_be_told_apart) {
  Scenario scenario;
  scenario.run(negotiated);
  scenario.run(R"(
    c1 > SUBMIT_MANY f mode=background [:one] x
    =>  c1 < ERROR INVALID_PACKET The jobs do not fill the packet exactly
    =>  c1 closed: protocol_error ; f has 0 queued, 0 running
  )");
}

TEST(submit_many, waits_in_the_foreground_for_all_of_them) {
  Scenario scenario;
  scenario.run(negotiated);
  scenario.run(R"(
    c1 > SUBMIT_MANY f '' [:one] [:two]  =>  c1 < JOB_CREATED H:1 ; c1 < JOB_CREATED H:2
    w1 > CAN_DO f
    w1 > GRAB_JOB                =>  w1 < JOB_ASSIGN H:1 f one
    w1 > WORK_COMPLETE H:1 done  =>  c1 < WORK_COMPLETE H:1 done
    c1 disconnects               =>  f has 0 queued, 0 running
  )");
}

// ---- CAN_DO_MANY

TEST(can_do_many, registers_functions_with_and_without_a_timeout) {
  Scenario scenario;
  scenario.run(negotiated);
  scenario.run(R"(
    w1 > CAN_DO_MANY f 100 g '' h 0 f 200
    =>  f has 1 workers ; g has 1 workers ; h has 1 workers
    c1 > SUBMIT_JOB_BG f '' a  =>  c1 < JOB_CREATED H:1
    c1 > SUBMIT_JOB_BG g '' b  =>  c1 < JOB_CREATED H:2
    w1 > GRAB_JOB              =>  w1 < JOB_ASSIGN H:1 f a
    w1 > GRAB_JOB              =>  w1 < JOB_ASSIGN H:2 g b
    +199ms                     =>  f has 0 queued, 1 running
    +1ms                       =>  f has 1 queued, 0 running
    +1h                        =>  g has 0 queued, 1 running
  )");
}

TEST(can_do_many, wakes_a_sleeper_for_what_it_learns) {
  Scenario scenario;
  scenario.run(negotiated);
  scenario.run(R"(
    c1 > SUBMIT_JOB_BG g '' b  =>  c1 < JOB_CREATED H:1
    w1 > PRE_SLEEP
    w1 > CAN_DO_MANY f 0 g 0   =>  w1 < NOOP
  )");
}

TEST(can_do_many, registers_nothing_of_a_packet_that_is_wrong_anywhere) {
  Scenario scenario;
  scenario.run(negotiated);
  scenario.run(R"(
    w1 > CAN_DO_MANY f 0 513*g 0
    =>  w1 < ERROR ARGUMENT_TOO_LARGE Function name above the limit of 512 bytes
    => f has 0 workers
    w1 > CAN_DO_MANY f 0 '' 0
    =>  w1 < ERROR INVALID_FUNCTION_NAME Function name is empty
    w1 > CAN_DO_MANY f 0 g
    =>  w1 < ERROR INVALID_PACKET A function without its milliseconds
    w1 > CAN_DO_MANY f 21*1
    =>  w1 < ERROR ARGUMENT_TOO_LARGE Number above the limit of 20 digits
    w1 > CAN_DO_MANY f 20*1  =>  f has 1 workers
  )");
}

TEST(can_do_many, closes_a_worker_with_more_functions_than_it_may_have) {
  Scenario scenario({.functions_per_worker_max = 2});
  scenario.run(negotiated);
  scenario.run(R"(
    w1 > CAN_DO_MANY f 0 g 0
    w1 > CAN_DO_MANY f 0 g 0
    w1 > CAN_DO_MANY h 0  =>  w1 closed: engine_limit
  )");
}

}  // namespace
}  // namespace gman::test
