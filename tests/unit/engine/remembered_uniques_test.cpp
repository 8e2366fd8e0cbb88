// SPDX-License-Identifier: BSD-3-Clause
// What a relay sends again after its job has ended.
#include "server/engine/remembered_uniques.hpp"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/engine/scenario.hpp"

namespace gman::test {
namespace {

using engine::outbox_row_of;
using engine::RememberedUniques;
using std::chrono::hours;
using std::chrono::seconds;

const std::string uuid = "0123abcd-4567-89ab-cdef-0123456789ab";
const Instant start{hours(1)};

TEST(remembered_uniques, are_those_of_rows_and_no_others) {
  EXPECT_TRUE(outbox_row_of(uuid + ":1"));
  EXPECT_TRUE(outbox_row_of(uuid + ":18446744073709551615"));
  EXPECT_NE(outbox_row_of(uuid + ":1"), outbox_row_of(uuid + ":2"));
  for (const std::string& other :
       {std::string(), std::string("-"), uuid, uuid + ":", uuid + ":01", uuid + ":0", uuid + ":1x",
        uuid + ":-1", uuid + ":18446744073709551616", uuid + "-1", "G" + uuid.substr(1) + ":1",
        uuid.substr(1) + "0:1", std::string(64, 'a')}) {
    EXPECT_FALSE(outbox_row_of(other)) << other;
  }
}

TEST(remembered_uniques, are_known_until_their_time_is_over) {
  RememberedUniques remembered;
  remembered.limit(10, seconds(5));
  remembered.remember(uuid + ":1", start);
  EXPECT_TRUE(remembered.knows(uuid + ":1", start + seconds(5) - milliseconds(1)));
  EXPECT_FALSE(remembered.knows(uuid + ":1", start + seconds(5)));
  EXPECT_EQ(remembered.size(), 0);
}

TEST(remembered_uniques, are_as_many_as_they_may_be_and_the_oldest_goes_first) {
  RememberedUniques remembered;
  remembered.limit(3, hours(1));
  for (int row = 1; row <= 3; ++row) remembered.remember(uuid + ":" + std::to_string(row), start);
  EXPECT_TRUE(remembered.knows(uuid + ":1", start));
  remembered.remember(uuid + ":4", start);
  EXPECT_FALSE(remembered.knows(uuid + ":1", start));
  EXPECT_TRUE(remembered.knows(uuid + ":2", start));
  EXPECT_EQ(remembered.size(), 3);
  remembered.limit(1, hours(1));
  EXPECT_FALSE(remembered.knows(uuid + ":3", start));
  EXPECT_TRUE(remembered.knows(uuid + ":4", start));
}

// A job of the same row may have been made by who did not ask for the window.
TEST(remembered_uniques, that_end_again_take_no_other_ones_place) {
  RememberedUniques remembered;
  remembered.limit(2, seconds(5));
  remembered.remember(uuid + ":1", start);
  remembered.remember(uuid + ":2", start);
  remembered.remember(uuid + ":2", start + seconds(1));
  EXPECT_TRUE(remembered.knows(uuid + ":1", start + seconds(1)));
  EXPECT_TRUE(remembered.knows(uuid + ":2", start + seconds(1)));
  EXPECT_EQ(remembered.size(), 2);
  EXPECT_FALSE(remembered.knows(uuid + ":2", start + seconds(5)));
}

TEST(remembered_uniques, are_none_when_they_are_turned_off) {
  for (const auto& [count, window] : {std::pair(0, seconds(5)), std::pair(5, seconds(0))}) {
    RememberedUniques remembered;
    remembered.limit(static_cast<std::size_t>(count), window);
    EXPECT_FALSE(remembered.is_on());
    remembered.remember(uuid + ":1", start);
    EXPECT_EQ(remembered.size(), 0);
  }
}

// Jobs of a relay, one in the background and one in the foreground, that have ended.
constexpr std::string_view ended = R"(
    c1 > OPTION_REQ gman.unique_window  =>  c1 < OPTION_RES gman.unique_window
    c1 > SUBMIT_JOB_BG f 0123abcd-4567-89ab-cdef-0123456789ab:1 a  =>  c1 < JOB_CREATED H:1
    c1 > SUBMIT_JOB f 0123abcd-4567-89ab-cdef-0123456789ab:2 b     =>  c1 < JOB_CREATED H:2
    w1 > CAN_DO f
    w1 > GRAB_JOB  =>  w1 < JOB_ASSIGN H:1 f a
    w1 > GRAB_JOB  =>  w1 < JOB_ASSIGN H:2 f b
)";

TEST(remembered_uniques, answer_for_jobs_that_were_completed) {
  Scenario scenario;
  scenario.run(ended);
  scenario.run(R"(
    w1 > WORK_COMPLETE H:1 x
    w1 > WORK_COMPLETE H:2 x  =>  c1 < WORK_COMPLETE H:2 x
    c1 > SUBMIT_JOB_BG f 0123abcd-4567-89ab-cdef-0123456789ab:1 a  =>  c1 < JOB_CREATED H:3
    c1 > SUBMIT_JOB f 0123abcd-4567-89ab-cdef-0123456789ab:2 b
    =>  c1 < JOB_CREATED H:3 ; c1 < WORK_COMPLETE H:3 ''
    => f has 0 queued, 0 running
    c1 > GET_STATUS H:3  =>  c1 < STATUS_RES H:3 0 0 0 0
  )");
}

TEST(remembered_uniques, answer_for_a_background_job_that_failed_and_run_a_foreground_one_again) {
  Scenario scenario;
  scenario.run(ended);
  scenario.run(R"(
    w1 > WORK_FAIL H:1
    w1 > WORK_FAIL H:2  =>  c1 < WORK_FAIL H:2
    c1 > SUBMIT_JOB_BG f 0123abcd-4567-89ab-cdef-0123456789ab:1 a  =>  c1 < JOB_CREATED H:3
    => f has 0 queued, 0 running
    c1 > SUBMIT_JOB f 0123abcd-4567-89ab-cdef-0123456789ab:2 b  =>  c1 < JOB_CREATED H:4
    => f has 1 queued, 0 running
  )");
}

TEST(remembered_uniques, answer_for_a_background_job_that_was_cancelled_while_it_ran) {
  Scenario scenario;
  scenario.run(ended);
  scenario.run(R"(
    cancel H:1  =>  cancelled
    cancel H:2  =>  c1 < WORK_FAIL H:2 ; cancelled
    c1 > SUBMIT_JOB_BG f 0123abcd-4567-89ab-cdef-0123456789ab:1 a  =>  c1 < JOB_CREATED H:3
    => f has 0 queued, 2 running
    c1 > SUBMIT_JOB f 0123abcd-4567-89ab-cdef-0123456789ab:2 b  =>  c1 < JOB_CREATED H:4
    => f has 1 queued, 2 running
  )");
}

TEST(remembered_uniques, are_nothing_to_who_has_not_asked_or_submits_until_start) {
  Scenario scenario;
  scenario.run(ended);
  scenario.run(R"(
    w1 > WORK_COMPLETE H:1 x
    c2 > SUBMIT_JOB_BG f 0123abcd-4567-89ab-cdef-0123456789ab:1 a  =>  c2 < JOB_CREATED H:3
    => f has 1 queued, 1 running
    w1 > GRAB_JOB  =>  w1 < JOB_ASSIGN H:3 f a
    w1 > WORK_COMPLETE H:3 x
    c1 > OPTION_REQ gman.submit  =>  c1 < OPTION_RES gman.submit
    c1 > SUBMIT f 0123abcd-4567-89ab-cdef-0123456789ab:1 mode=background,unique_mode=until_start a
    =>  c1 < JOB_CREATED H:4
    => f has 1 queued, 1 running
  )");
}

TEST(remembered_uniques, say_nothing_of_jobs_that_were_forgotten_before_their_run) {
  Scenario scenario({.has_store = true});
  scenario.run(R"(
    c1 > OPTION_REQ gman.unique_window  =>  c1 < OPTION_RES gman.unique_window
    c1 > SUBMIT_JOB_BG f 0123abcd-4567-89ab-cdef-0123456789ab:1 a
                       =>  c1 < JOB_CREATED H:1 when stored
    the store commits  =>  + H:1
    the store is taken
    c1 > SUBMIT_JOB_BG f 0123abcd-4567-89ab-cdef-0123456789ab:1 a
                       =>  c1 < JOB_CREATED H:2 when stored
    => f has 1 queued, 0 running
  )");
}

TEST(remembered_uniques, cannot_be_asked_for_where_they_are_turned_off) {
  Scenario scenario({.unique_window = milliseconds(0)});
  scenario.run(R"(
    c1 > OPTION_REQ gman.unique_window
    =>  c1 < ERROR UNKNOWN_OPTION Server does not recognize given option
  )");
}

}  // namespace
}  // namespace gman::test
