// SPDX-License-Identifier: BSD-3-Clause
// Calls that need more than the plain packets: what is asked for, what goes when the server has it,
// and what when it has not.
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "client/fsm/call_fsm.hpp"
#include "protocol/extended.hpp"
#include "tests/unit/client/call_script.hpp"

namespace gman::test {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using namespace std::chrono_literals;
using Answer = Agreements::Answer;

const OptionReq exceptions{"exceptions"};
const OptionRes exceptions_on{"exceptions"};
const OptionReq ask_submit{"gman.submit"};
const OptionRes submit_on{"gman.submit"};
const OptionReq ask_many{"gman.submit_many"};
const OptionRes many_on{"gman.submit_many"};
const ErrorRes unknown_option{"UNKNOWN_OPTION", "Server does not recognize given option"};

SubmitCall until_start(JobMode mode = JobMode::background) {
  return {.function = "index_url",
          .unique = "page-17",
          .workload = "http://a/",
          .mode = mode,
          .unique_mode = UniqueMode::until_start};
}

SubmitCall at(std::int64_t ms) {
  SubmitCall call{.function = "index_url", .workload = "http://a/", .mode = JobMode::background};
  call.run_at_ms = ms;
  return call;
}

// The call's SUBMIT; what it points into lives for ever.
ExtendedRequest submit_packet(const SubmitCall& call) {
  static std::array<std::string, 64> packets;
  static std::size_t used = 0;
  std::string& packet = packets.at(used++);
  append_submit(packet, job_of(call));
  return {PacketType::submit, std::string_view(packet).substr(header_bytes)};
}

SubmitJob epoch(std::int64_t seconds) {
  return {.function = "index_url",
          .workload = "http://a/",
          .mode = JobMode::background,
          .run_at_epoch_seconds = seconds};
}

constexpr std::array three_jobs{JobOfMany{"u1", "one"}, JobOfMany{"", "two\0three"sv},
                                JobOfMany{"u3", ""}};

SubmitManyCall many() {
  return {.function = "index_url", .jobs = three_jobs, .priority = Priority::low};
}

ExtendedRequest many_packet() {
  static const std::string packet = [] {
    std::string bytes;
    append_submit_many(bytes, common_of(many()), three_jobs);
    return bytes;
  }();
  return {PacketType::submit_many, std::string_view(packet).substr(header_bytes)};
}

SubmitJob plain_of_many(std::size_t i) {
  return {.function = "index_url",
          .unique = three_jobs.at(i).unique,
          .workload = three_jobs.at(i).workload,
          .priority = Priority::low,
          .mode = JobMode::background};
}

std::string outcomes_of(const CallResult& result) {
  std::string text;
  for (const JobOutcome& job : result.jobs) {
    text += (text.empty() ? "" : ", ") + (job.refusal.empty() ? job.handle : job.refusal);
  }
  return text;
}

// ---- SUBMIT

TEST(call_extended, submits_until_start_once_the_server_has_said_that_it_knows_it) {
  CallScript(until_start(), "a")
      .opens("a")
      .writes({exceptions, ask_submit})
      .reads({exceptions_on, submit_on})
      .writes({submit_packet(until_start())})
      .reads({JobCreated{"H:1"}})
      .ends_well([](const CallResult& result) { EXPECT_EQ(result.handle, "H:1"); })
      .leaves_connection_clean(true)
      .leaves_agreements(Answer::yes, Answer::none)
      .comes_out_the_same_byte_by_byte()
      .fails_cleanly_at_every_step();
}

TEST(call_extended, runs_a_foreground_job_until_its_end) {
  CallScript(until_start(JobMode::foreground), "a,b")
      .opens("a")
      .writes({exceptions, ask_submit})
      .reads({exceptions_on, submit_on})
      .writes({submit_packet(until_start(JobMode::foreground))})
      .reads({JobCreated{"H:1"}})
      .reads({WorkComplete{"H:1", "done"}})
      .ends_well([](const CallResult& result) { EXPECT_EQ(result.data, "done"); })
      .leaves_connection_clean(true)
      .comes_out_the_same_byte_by_byte()
      .fails_cleanly_at_every_step();
}

TEST(call_extended, asks_once_for_each_connection) {
  CallScript(until_start(), "a")
      .reuses("a", {.submit = Answer::yes})
      .writes({submit_packet(until_start())})
      .reads({JobCreated{"H:1"}})
      .ends_well()
      .leaves_agreements(Answer::yes, Answer::none)
      .fails_cleanly_at_every_step();
  CallScript(until_start(), "a")
      .reuses("a", {.submit_many = Answer::no})
      .writes({ask_submit})
      .reads({submit_on})
      .writes({submit_packet(until_start())})
      .reads({JobCreated{"H:1"}})
      .ends_well()
      .leaves_agreements(Answer::yes, Answer::no)
      .comes_out_the_same_byte_by_byte()
      .fails_cleanly_at_every_step();
}

TEST(call_extended, asks_again_on_a_new_connection_after_a_kept_one_was_closed) {
  CallScript(until_start(), "a")
      .reuses("a", {.submit = Answer::yes})
      .breaks("connection closed by the server")
      .opens("a")
      .writes({exceptions, ask_submit})
      .reads({exceptions_on, submit_on})
      .writes({submit_packet(until_start())})
      .reads({JobCreated{"H:1"}})
      .ends_well();
}

TEST(call_extended, names_the_server_that_cannot_keep_a_change_from_being_lost) {
  const char* const told =
      "a cannot give the job of function \"index_url\" the unique mode until_start: it does not "
      "know the option gman.submit";
  const char* const hint = "gmand knows it; or submit without the unique mode until_start";
  CallScript(until_start(), "a,b")
      .opens("a")
      .writes({exceptions, ask_submit})
      .reads({exceptions_on, unknown_option})
      .ends_with(client_errc::server_error, told, hint)
      .leaves_connection_clean(true)
      .leaves_agreements(Answer::no, Answer::none)
      .comes_out_the_same_byte_by_byte();
  CallScript(until_start(), "a")
      .reuses("a", {.submit = Answer::no})
      .ends_with(client_errc::server_error, told, hint)
      .leaves_connection_clean(true);
}

TEST(call_extended, sends_until_start_without_a_unique_as_the_plain_packet_that_it_is) {
  SubmitCall call = until_start();
  call.unique = {};
  const SubmitJob plain{
      .function = "index_url", .workload = "http://a/", .mode = JobMode::background};
  CallScript(call, "a")
      .opens("a")
      .writes({exceptions, plain})
      .reads({exceptions_on, JobCreated{"H:1"}})
      .ends_well();
}

TEST(call_extended, gives_a_time_to_the_millisecond_where_the_server_knows_it) {
  CallScript(at(1767225600001), "a")
      .opens("a")
      .writes({exceptions, ask_submit})
      .reads({exceptions_on})
      .reads({submit_on})
      .writes({submit_packet(at(1767225600001))})
      .reads({JobCreated{"H:1"}})
      .ends_well()
      .comes_out_the_same_byte_by_byte()
      .fails_cleanly_at_every_step();
}

TEST(call_extended, rounds_a_time_up_to_the_second_where_the_server_does_not) {
  CallScript(at(1767225600001), "a")
      .opens("a")
      .writes({exceptions, ask_submit})
      .reads({exceptions_on, unknown_option})
      .writes({epoch(1767225601)})
      .reads({JobCreated{"H:1"}})
      .ends_well()
      .leaves_connection_clean(true)
      .leaves_agreements(Answer::no, Answer::none)
      .comes_out_the_same_byte_by_byte()
      .fails_cleanly_at_every_step();
}

TEST(call_extended, does_without_any_option_at_a_server_that_knows_none) {
  CallScript(at(1767225600001), "a,b")
      .opens("a")
      .writes({exceptions, ask_submit})
      .reads({unknown_option, unknown_option})
      .writes({epoch(1767225601)})
      .reads({JobCreated{"H:1"}})
      .ends_well()
      .fails_cleanly_at_every_step();
}

TEST(call_extended, asks_for_nothing_where_a_plain_packet_says_the_time_exactly) {
  CallScript(at(1767225600000), "a")
      .opens("a")
      .writes({exceptions, epoch(1767225600)})
      .reads({exceptions_on, JobCreated{"H:1"}})
      .ends_well()
      .leaves_agreements(Answer::none, Answer::none);
}

TEST(call_extended, goes_on_to_another_server_while_nobody_can_have_the_job) {
  CallScript(at(1767225600001), "a,b")
      .opens("a")
      .writes({exceptions, ask_submit})
      .reads({exceptions_on, unknown_option})
      .breaks("connection reset by peer")
      .opens("b")
      .writes({exceptions})
      .reads({exceptions_on})
      .writes({epoch(1767225601)})
      .reads({JobCreated{"H:1"}})
      .ends_well([](const CallResult& result) { EXPECT_EQ(result.server, "b"); })
      .fails_cleanly_at_every_step();
}

TEST(call_extended, names_what_a_server_without_it_cannot_do) {
  SubmitCall low = at(1767225600000);
  low.priority = Priority::low;
  SubmitCall foreground = at(1767225600000);
  foreground.mode = JobMode::foreground;
  for (const auto& [call, what] : {std::pair{low, "a run time and a priority"},
                                   std::pair{foreground, "a run time in the foreground"}}) {
    CallScript(call, "a")
        .opens("a")
        .writes({exceptions, ask_submit})
        .reads({exceptions_on, unknown_option})
        .ends_with(client_errc::server_error,
                   "a cannot give the job of function \"index_url\" "s + what +
                       ": it does not know the option gman.submit",
                   "gmand knows it; or submit without "s + what);
  }
}

TEST(call_extended, quotes_the_servers_refusal_of_an_option) {
  CallScript(until_start(), "a")
      .opens("a")
      .writes({exceptions, ask_submit})
      .reads({exceptions_on, submit_on})
      .writes({submit_packet(until_start())})
      .reads({ErrorRes{"UNKNOWN_OPTION", "Unknown option unique_mode"}})
      .ends_with(client_errc::server_error,
                 "a refused the job of function \"index_url\": UNKNOWN_OPTION \"Unknown option "
                 "unique_mode\"")
      .leaves_connection_clean(true);
}

TEST(call_extended, refuses_a_time_that_no_server_could_take) {
  for (const std::int64_t ms : {std::int64_t{-1}, run_at_ms_max + 1}) {
    CallScript(at(ms), "a")
        .ends_with(client_errc::invalid_argument,
                   "run time of " + std::to_string(ms) +
                       " ms since 1970 is not between 0 and 253402300799999");
  }
}

// ---- SUBMIT_MANY

TEST(call_many, submits_them_in_one_packet_and_brings_each_outcome) {
  CallScript(many(), "a")
      .opens("a")
      .writes({exceptions, ask_many})
      .reads({exceptions_on, many_on})
      .writes({many_packet()})
      .reads({JobCreated{"H:1"}, ErrorRes{"QUEUE_ERROR", "Job queue is full"}})
      .reads({JobCreated{"H:2"}})
      .ends_well([](const CallResult& result) {
        EXPECT_EQ(outcomes_of(result), "H:1, QUEUE_ERROR \"Job queue is full\", H:2");
        EXPECT_EQ(result.server, "a");
      })
      .leaves_connection_clean(true)
      .leaves_agreements(Answer::none, Answer::yes)
      .comes_out_the_same_byte_by_byte()
      .fails_cleanly_at_every_step();
}

TEST(call_many, submits_one_after_the_other_to_a_server_without_it) {
  CallScript(many(), "a")
      .opens("a")
      .writes({exceptions, ask_many})
      .reads({exceptions_on, unknown_option})
      .writes({plain_of_many(0), plain_of_many(1), plain_of_many(2)})
      .reads({JobCreated{"H:1"}, ErrorRes{"QUEUE_ERROR", "Job queue is full"}})
      .reads({JobCreated{"H:2"}})
      .ends_well([](const CallResult& result) {
        EXPECT_EQ(outcomes_of(result), "H:1, QUEUE_ERROR \"Job queue is full\", H:2");
      })
      .leaves_connection_clean(true)
      .leaves_agreements(Answer::none, Answer::no)
      .comes_out_the_same_byte_by_byte()
      .fails_cleanly_at_every_step();
}

TEST(call_many, never_sends_a_plain_job_again_that_a_broken_connection_may_have_delivered) {
  SubmitManyCall call = many();
  ServerChoice choice;
  choice.configure(std::get<std::vector<ServerAddress>>(parse_server_list("a,b")), 5000ms);
  CallFsm fsm(call, {}, choice);
  Action action = fsm.start({});
  action = fsm.resume(LookedUp{}, {});
  action = fsm.resume(Opened{.is_reused = true, .agreements = {.submit_many = Answer::no}}, {});
  ASSERT_EQ(action, Action::transfer);
  action = fsm.resume(Wrote{1}, {});
  action = fsm.resume(Broken{"connection reset by peer"}, {});
  ASSERT_EQ(action, Action::done);
  ASSERT_TRUE(fsm.error());
  EXPECT_EQ(fsm.error()->code, client_errc::connection_lost);
  EXPECT_EQ(fsm.error()->message,
            "a: connection reset by peer, 0 ms after the start, when 0 of 3 jobs of function "
            "\"index_url\" were answered: the fate of the others is unknown");
}

TEST(call_many, says_how_many_were_answered_when_the_connection_is_lost) {
  CallScript(many(), "a,b")
      .opens("a")
      .writes({exceptions, ask_many})
      .reads({exceptions_on, many_on})
      .writes({many_packet()})
      .reads({JobCreated{"H:1"}})
      .passes(5ms)
      .breaks("connection reset by peer")
      .ends_with(client_errc::connection_lost,
                 "a: connection reset by peer, 5 ms after the start, when 1 of 3 jobs of function "
                 "\"index_url\" were answered: the fate of the others is unknown",
                 "submit those again if running them twice does no harm")
      .leaves_connection_clean(false);
}

TEST(call_many, goes_on_to_another_server_while_nobody_can_have_a_job) {
  CallScript(many(), "a,b")
      .opens("a")
      .writes({exceptions, ask_many})
      .reads({exceptions_on})
      .passes(10s)
      .opens("b")
      .writes({exceptions, ask_many})
      .reads({exceptions_on, many_on})
      .writes({many_packet()})
      .reads({JobCreated{"H:1"}, JobCreated{"H:2"}, JobCreated{"H:3"}})
      .ends_well([](const CallResult& result) { EXPECT_EQ(outcomes_of(result), "H:1, H:2, H:3"); })
      .fails_cleanly_at_every_step();
}

TEST(call_many, waits_for_each_answer_as_long_as_for_one) {
  CallScript(many(), "a", {.answer_timeout = 100ms})
      .opens("a")
      .writes({exceptions, ask_many})
      .reads({exceptions_on, many_on})
      .writes({many_packet()})
      .passes(99ms)
      .reads({JobCreated{"H:1"}})
      .passes(99ms)
      .reads({JobCreated{"H:2"}})
      .passes(100ms)
      .ends_with(client_errc::connection_lost,
                 "a: no answer within 100 ms, 298 ms after the start, when 2 of 3 jobs of function "
                 "\"index_url\" were answered: the fate of the others is unknown",
                 "submit those again if running them twice does no harm");
}

TEST(call_many, breaks_with_a_server_that_answers_more_than_it_was_asked) {
  CallScript(many(), "a")
      .opens("a")
      .writes({exceptions, ask_many})
      .reads({exceptions_on, many_on})
      .writes({many_packet()})
      .reads({JobCreated{"H:1"}, JobCreated{"H:2"}, JobCreated{"H:3"}, JobCreated{"H:4"}})
      .ends_well()
      .leaves_connection_clean(false);
  CallScript(many(), "a")
      .opens("a")
      .writes({exceptions, ask_many})
      .reads({exceptions_on, many_on, JobCreated{"H:1"}})
      .ends_with(client_errc::protocol_error, "a broke the protocol: unexpected JOB_CREATED");
}

TEST(call_many, names_the_server_that_cannot_do_what_one_of_them_needs) {
  SubmitManyCall call = many();
  call.unique_mode = UniqueMode::until_start;
  CallScript(call, "a")
      .opens("a")
      .writes({exceptions, ask_many})
      .reads({exceptions_on, unknown_option})
      .ends_with(client_errc::server_error,
                 "a cannot give 3 jobs of function \"index_url\" the unique mode until_start: it "
                 "does not know the option gman.submit_many",
                 "gmand knows it; or submit without the unique mode until_start");
}

TEST(call_many, takes_from_one_job_to_the_limit_and_names_what_is_above) {
  const auto fault = [](std::size_t count, std::size_t workload_bytes) -> std::string {
    const std::string workload(workload_bytes, 'w');
    const std::vector<JobOfMany> jobs(count, JobOfMany{"", workload});
    const auto error = fault_of(SubmitManyCall{.function = "f", .jobs = jobs}, CallLimits{});
    return error ? error->message : "taken";
  };
  EXPECT_EQ(fault(0, 1), "there is no job");
  EXPECT_EQ(fault(1, 1), "taken");
  EXPECT_EQ(fault(1000, 1), "taken");
  EXPECT_EQ(fault(1001, 1), "1001 jobs at once are above the limit of 1000");
  EXPECT_EQ(fault(2, 32 << 20), "taken");
  EXPECT_EQ(fault(2, (32 << 20) + 1),
            "all uniques and workloads together of 67108866 bytes is above the limit of 67108864 "
            "bytes");
  const std::vector<JobOfMany> jobs{{"", "w"}, {std::string_view("a\0b", 3), "w"}};
  EXPECT_EQ(fault_of(SubmitManyCall{.function = "f", .jobs = jobs}, CallLimits{})->message,
            "job 2: unique key contains a NUL byte, at offset 1");
}

}  // namespace
}  // namespace gman::test
