// SPDX-License-Identifier: BSD-3-Clause
// Many foreground jobs over one connection: each has its own end, whatever becomes of the others.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "client/fsm/call_fsm.hpp"
#include "tests/unit/client/call_script.hpp"

namespace gman::test {
namespace {

using namespace std::chrono_literals;

const OptionReq exceptions{"exceptions"};
const OptionRes exceptions_on{"exceptions"};

constexpr std::array four_jobs{JobOfMany{"", "one"}, JobOfMany{"u2", "two"}, JobOfMany{"", ""},
                               JobOfMany{"", "four"}};

constexpr std::span<const JobOfMany> only_the_first{four_jobs.data(), 1};

RunManyCall run(std::span<const JobOfMany> jobs = four_jobs) {
  return {.function = "reverse", .jobs = jobs};
}

Request submit(const JobOfMany& job) {
  return SubmitJob{.function = "reverse", .unique = job.unique, .workload = job.workload};
}
Request submit(std::size_t i) {
  return submit(four_jobs.at(i));
}

// "data", "!message" of what failed, "?message" of what was not even sent; a line for each job.
std::string told(const CallResult& result) {
  std::string text;
  for (const JobOutcome& job : result.jobs) {
    const JobOutcome& one = job.same_as ? result.jobs.at(*job.same_as) : job;
    if (!one.error) {
      text += one.data;
    } else {
      text += (one.is_sent ? "!" : "?") + one.error->message;
    }
    text += "\n";
  }
  return text;
}

// Plays the script up to its end, which need not be a good one.
struct Told {
  std::string outcomes;
  std::vector<client_errc> codes;
  std::optional<Error> error;
};
Told outcomes_of(const CallScript& script) {
  Told end;
  script.ends([&](const CallFsm& fsm) {
    end.outcomes = told(fsm.result());
    for (const JobOutcome& job : fsm.result().jobs) {
      end.codes.push_back(job.error ? job.error->code : client_errc{});
    }
    end.error = fsm.error();
  });
  return end;
}

// All four are at the server, which has acknowledged them.
CallScript working(CallLimits limits = {}, std::string servers = "a") {
  CallScript script(run(), std::move(servers), limits);
  script.opens("a").writes({exceptions}).reads({exceptions_on});
  script.writes({submit(0), submit(1), submit(2), submit(3)});
  script.reads({JobCreated{"H:1"}, JobCreated{"H:2"}, JobCreated{"H:3"}, JobCreated{"H:4"}});
  return script;
}

// ---- What goes well

TEST(call_run, brings_results_in_order_from_jobs_that_end_in_any) {
  working()
      .reads({WorkComplete{"H:3", "c"}, WorkData{"H:1", "a"}})
      .reads({WorkComplete{"H:4", "d"}, WorkStatus{"H:1", "1", "2"}, WorkComplete{"H:1", "A"}})
      .reads({WorkWarning{"H:2", "careful"}, WorkComplete{"H:2", "b"}})
      .ends_well([](const CallResult& result) {
        EXPECT_EQ(told(result), "aA\nb\nc\nd\n");
        EXPECT_EQ(result.jobs[1].warning, "careful\n");
        EXPECT_EQ(result.jobs[1].handle, "H:2");
        EXPECT_EQ(result.server, "a");
        EXPECT_EQ(result.numerator, 4u);
        EXPECT_EQ(result.denominator, 4u);
      })
      .leaves_connection_clean(true)
      .comes_out_the_same_byte_by_byte()
      .fails_cleanly_at_every_step();
}

TEST(call_run, hears_of_a_job_while_others_are_not_acknowledged) {
  CallScript(run(), "a")
      .reuses("a")
      .writes({submit(0), submit(1), submit(2), submit(3)})
      .reads({JobCreated{"H:1"}, WorkComplete{"H:1", "a"}, JobCreated{"H:2"}})
      .reads({JobCreated{"H:3"}, WorkComplete{"H:2", "b"}, JobCreated{"H:4"}})
      .reads({WorkComplete{"H:4", "d"}, WorkComplete{"H:3", "c"}})
      .ends_well([](const CallResult& result) { EXPECT_EQ(told(result), "a\nb\nc\nd\n"); })
      .leaves_connection_clean(true)
      .comes_out_the_same_byte_by_byte()
      .fails_cleanly_at_every_step();
}

TEST(call_run, has_no_more_jobs_in_flight_than_it_may) {
  CallScript(run(), "a", {.jobs_in_flight = 2})
      .opens("a")
      .writes({exceptions})
      .reads({exceptions_on})
      .writes({submit(0), submit(1)})
      .reads({JobCreated{"H:1"}, JobCreated{"H:2"}})
      .writes({})  // nothing: both are running
      .reads({WorkComplete{"H:2", "b"}})
      .writes({submit(2)})
      .reads({WorkComplete{"H:1", "a"}})
      .writes({submit(3)})
      .reads({JobCreated{"H:3"}, JobCreated{"H:4"}})
      .reads({WorkComplete{"H:4", "d"}, WorkComplete{"H:3", "c"}})
      .ends_well([](const CallResult& result) { EXPECT_EQ(told(result), "a\nb\nc\nd\n"); })
      .leaves_connection_clean(true)
      .comes_out_the_same_byte_by_byte();
}

TEST(call_run, gives_each_job_the_priority_that_they_have_in_common) {
  RunManyCall call = run(only_the_first);
  call.priority = Priority::high;
  CallScript(call, "a")
      .reuses("a")
      .writes({SubmitJob{.function = "reverse", .workload = "one", .priority = Priority::high}})
      .reads({JobCreated{"H:1"}, WorkComplete{"H:1", "a"}})
      .ends_well();
}

TEST(call_run, sends_jobs_with_the_same_unique_once_and_shares_their_outcome) {
  static constexpr std::array jobs{JobOfMany{"u", "one"},   JobOfMany{"-", "same"},
                                   JobOfMany{"u", "two"},   JobOfMany{"-", "same"},
                                   JobOfMany{"-", "other"}, JobOfMany{"-", ""},
                                   JobOfMany{"-", ""}};
  CallScript(run(jobs), "a")
      .reuses("a")
      .writes({submit(jobs[0]), submit(jobs[1]), submit(jobs[4]), submit(jobs[5]), submit(jobs[6])})
      .reads({JobCreated{"H:1"}, JobCreated{"H:2"}, JobCreated{"H:3"}, JobCreated{"H:4"},
              JobCreated{"H:5"}})
      .reads({WorkComplete{"H:1", "a"}, WorkComplete{"H:2", "b"}, WorkComplete{"H:3", "c"},
              WorkComplete{"H:4", "d"}, WorkComplete{"H:5", "e"}})
      .ends_well([](const CallResult& result) {
        EXPECT_EQ(told(result), "a\nb\na\nb\nc\nd\ne\n");
        EXPECT_EQ(result.numerator, 7u);
      })
      .comes_out_the_same_byte_by_byte()
      .fails_cleanly_at_every_step();
}

TEST(call_run, does_without_exceptions_at_a_server_that_does_not_know_them) {
  CallScript(run(only_the_first), "a")
      .opens("a")
      .writes({exceptions})
      .reads({ErrorRes{"UNKNOWN_OPTION", "?"}})
      .writes({submit(0)})
      .reads({JobCreated{"H:1"}, WorkComplete{"H:1", "a"}})
      .ends_well()
      .leaves_connection_clean(true);
}

// ---- One bad job

TEST(call_run, hides_no_job_behind_one_that_failed_or_was_refused) {
  CallScript script(run(), "a");
  script.reuses("a").writes({submit(0), submit(1), submit(2), submit(3)});
  script.reads({JobCreated{"H:1"}, ErrorRes{"QUEUE_ERROR", "Job queue is full"}, JobCreated{"H:3"},
                JobCreated{"H:4"}});
  script.reads({WorkException{"H:3", "it\nbroke"}, WorkWarning{"H:1", "bad input"}, WorkFail{"H:1"},
                WorkFail{"H:3"}, WorkComplete{"H:4", "d"}});
  script
      .ends_well([](const CallResult& result) {
        EXPECT_EQ(told(result),
                  "!job H:1 of function \"reverse\" failed, with the warning: bad input\n"
                  "?a refused the job of function \"reverse\": QUEUE_ERROR \"Job queue is full\"\n"
                  "!job H:3 of function \"reverse\" ended with an exception: it\\nbroke\n"
                  "d\n");
        EXPECT_EQ(result.jobs[1].refusal, "QUEUE_ERROR \"Job queue is full\"");
        EXPECT_EQ(result.jobs[2].exception, "it\nbroke");
      })
      .leaves_connection_clean(true)
      .comes_out_the_same_byte_by_byte();
  EXPECT_EQ(outcomes_of(script).codes,
            (std::vector{client_errc::job_failed, client_errc::server_error,
                         client_errc::job_exception, client_errc{}}));
}

TEST(call_run, drops_the_one_result_that_does_not_fit_and_keeps_the_others) {
  const auto script = [](const std::string& long_result) {
    CallScript made = working({.result_bytes_max = 10});
    made.reads({WorkComplete{"H:1", "12345"}, WorkData{"H:2", "678"}});
    made.reads({WorkData{"H:2", long_result}, WorkWarning{"H:2", "more"}});
    made.reads({WorkComplete{"H:2", "end"}, WorkComplete{"H:3", "67"}, WorkFail{"H:4"}});
    return made;
  };
  const CallScript dropped = script("9abcd");
  EXPECT_EQ(outcomes_of(dropped).outcomes,
            "12345\n"
            "!the result of job H:2 of function \"reverse\" does not fit into the limit of 10 "
            "bytes for all results of a call\n"
            "67\n"
            "!job H:4 of function \"reverse\" failed\n");
  dropped.ends_well().comes_out_the_same_byte_by_byte();

  CallScript fits = working({.result_bytes_max = 10});
  fits.reads({WorkComplete{"H:1", "12345"}, WorkData{"H:2", "678"}, WorkComplete{"H:2", "9"}});
  fits.reads({WorkException{"H:3", "0cut"}, WorkComplete{"H:4", ""}});
  fits.ends_well([](const CallResult& result) {
    EXPECT_EQ(result.jobs[1].data, "6789");
    EXPECT_EQ(result.jobs[2].exception, "0");
    EXPECT_EQ(result.jobs[2].error->message,
              "job H:3 of function \"reverse\" ended with an exception: 0cut");
  });
}

// ---- A server that goes away

TEST(call_run, loses_only_the_jobs_that_its_server_had) {
  CallScript script(run(), "a,b", {.jobs_in_flight = 2});
  script.opens("a").writes({exceptions}).reads({exceptions_on});
  script.writes({submit(0), submit(1)});
  script.reads({JobCreated{"H:1"}, JobCreated{"H:2"}, WorkComplete{"H:1", "a"}});
  script.breaks("connection reset by peer");  // the third was not sent
  script.opens("b").writes({exceptions}).reads({exceptions_on});
  script.writes({submit(2), submit(3)});
  script.reads({JobCreated{"H:1"}, JobCreated{"H:2"}});
  script.reads({WorkComplete{"H:2", "d"}, WorkComplete{"H:1", "c"}});
  script.leaves_connection_clean(true).comes_out_the_same_byte_by_byte();
  script.ends_with(client_errc::connection_lost,
                   "a (connection reset by peer), 0 ms after the start: the fate of 1 of 4 jobs of "
                   "function \"reverse\" is unknown",
                   "submit those again if running them twice does no harm");
  EXPECT_EQ(outcomes_of(script).outcomes,
            "a\n"
            "!a: connection reset by peer, 0 ms after the start: the fate of this job of function "
            "\"reverse\" is unknown\n"
            "c\n"
            "d\n");
}

TEST(call_run, says_which_jobs_no_server_was_left_for) {
  CallScript script(run(), "a", {.jobs_in_flight = 2});
  script.reuses("a").writes({submit(0), submit(1)});
  script.reads({JobCreated{"H:1"}, WorkComplete{"H:1", "a"}}).breaks("connection reset by peer");
  script.ends_with(client_errc::unreachable,
                   "no job server reachable: a (connection reset by peer) after 0 ms",
                   "start gmand, or correct the list of servers");
  const Told end = outcomes_of(script);
  EXPECT_EQ(end.codes, (std::vector{client_errc{}, client_errc::connection_lost,
                                    client_errc::unreachable, client_errc::unreachable}));
  EXPECT_EQ(end.outcomes,
            "a\n"
            "!a: connection reset by peer, 0 ms after the start: the fate of this job of function "
            "\"reverse\" is unknown\n"
            "?no job server reachable: a (connection reset by peer) after 0 ms; this job was not "
            "sent\n"
            "?no job server reachable: a (connection reset by peer) after 0 ms; this job was not "
            "sent\n");
}

TEST(call_run, sends_a_job_again_of_which_only_a_part_was_sent) {
  ServerChoice choice;
  choice.configure(std::get<std::vector<ServerAddress>>(parse_server_list("a,b")), 5000ms);
  CallFsm fsm(run(), {}, choice);
  const Instant now{1h};
  static_cast<void>(fsm.start(now));
  static_cast<void>(fsm.resume(LookedUp{}, now));
  static_cast<void>(fsm.resume(Opened{.is_reused = true}, now));
  std::string first;
  append_request(first, submit(0));
  static_cast<void>(fsm.resume(Wrote{first.size() + 5}, now));
  ASSERT_EQ(fsm.resume(Broken{"connection reset by peer"}, now), Action::open);
  EXPECT_EQ(fsm.server(), 1u);
  static_cast<void>(fsm.resume(LookedUp{}, now));
  static_cast<void>(fsm.resume(Opened{.is_reused = true}, now));
  std::string rest;
  for (std::size_t i = 1; i < 4; ++i) append_request(rest, submit(i));
  EXPECT_EQ(fsm.unsent(), rest);
  fsm.cancel(now);
  EXPECT_EQ(told(fsm.result()).substr(0, 30), "!a: connection reset by peer, ");
}

TEST(call_run, opens_anew_when_a_kept_connection_took_no_job) {
  CallScript(run(only_the_first), "a,b")
      .reuses("a")
      .breaks("connection closed by the server")
      .opens("a")
      .writes({exceptions})
      .reads({exceptions_on})
      .writes({submit(0)})
      .reads({JobCreated{"H:1"}, WorkComplete{"H:1", "a"}})
      .ends_well()
      .leaves_connection_clean(true);
}

TEST(call_run, sends_no_job_to_a_server_that_has_not_spoken) {
  CallScript(run(), "a,b")
      .opens("a")
      .writes({exceptions})
      .passes(2s)
      .opens_in_vain("b", "connection refused")
      .ends_with(client_errc::unreachable,
                 "no job server reachable: a (no answer within 2000 ms), b (connection refused) "
                 "after 2000 ms",
                 "start gmand, or correct the list of servers");
}

TEST(call_run, ends_every_job_when_no_server_is_configured_or_reachable) {
  CallScript none(run(), "");
  EXPECT_EQ(outcomes_of(none).codes, std::vector(4, client_errc::no_servers));
  CallScript down(run(), "a");
  down.opens_in_vain("a", "connection refused");
  const Told end = outcomes_of(down);
  EXPECT_EQ(end.codes, std::vector(4, client_errc::unreachable));
  EXPECT_EQ(end.error->message, "no job server reachable: a (connection refused) after 0 ms");
}

// ---- A server that lies

TEST(call_run, ends_with_a_protocol_error_at_what_was_not_due) {
  struct Lie {
    Response said;
    const char* name;
  };
  for (const Lie& lie :
       {Lie{JobCreated{"H:5"}, "JOB_CREATED"}, Lie{WorkComplete{"H:9", ""}, "WORK_COMPLETE"},
        Lie{WorkComplete{"H:1", ""}, "WORK_COMPLETE"}, Lie{WorkFail{"H:1"}, "WORK_FAIL"},
        Lie{WorkException{"H:9", ""}, "WORK_EXCEPTION"}, Lie{WorkData{"H:1", ""}, "WORK_DATA"},
        Lie{WorkWarning{"", ""}, "WORK_WARNING"}, Lie{WorkStatus{"H:1", "1", "2"}, "WORK_STATUS"},
        Lie{EchoRes{""}, "ECHO_RES"}, Lie{NoJob{}, "NO_JOB"},
        Lie{StatusRes{"H:2", true, true, 0, 0}, "STATUS_RES"}}) {
    SCOPED_TRACE(lie.name);
    CallScript script = working();
    script.reads({WorkComplete{"H:1", "a"}}).reads({lie.said});
    script.leaves_connection_clean(false);
    script.ends_with(client_errc::protocol_error,
                     std::string("a broke the protocol: unexpected ") + lie.name +
                         "; the fate of 3 of 4 jobs of function \"reverse\" is unknown");
    EXPECT_EQ(outcomes_of(script).codes,
              (std::vector{client_errc{}, client_errc::protocol_error, client_errc::protocol_error,
                           client_errc::protocol_error}));
  }
}

TEST(call_run, takes_no_handle_twice_and_no_error_that_answers_nothing) {
  CallScript twice(run(), "a");
  twice.reuses("a").writes({submit(0), submit(1), submit(2), submit(3)});
  twice.reads({JobCreated{"H:1"}, JobCreated{"H:1"}});
  twice.ends_with(client_errc::protocol_error,
                  "a broke the protocol: unexpected JOB_CREATED; the fate of 4 of 4 jobs of "
                  "function \"reverse\" is unknown");
  working()
      .reads({ErrorRes{"QUEUE_ERROR", "?"}})
      .ends_with(client_errc::protocol_error,
                 "a broke the protocol: unexpected ERROR QUEUE_ERROR \"?\"; the fate of 4 of 4 "
                 "jobs of function \"reverse\" is unknown");
}

TEST(call_run, does_not_keep_a_connection_on_which_more_was_sent_than_asked_for) {
  working()
      .reads({WorkComplete{"H:1", ""}, WorkComplete{"H:2", ""}, WorkComplete{"H:3", ""},
              WorkComplete{"H:4", ""}, JobCreated{"H:5"}})
      .ends_well()
      .leaves_connection_clean(false);
}

// ---- Time, and a caller who gives up

TEST(call_run, keeps_what_has_ended_when_the_deadline_passes) {
  CallScript script = working({.deadline = 100ms});
  script.passes(60ms).reads({WorkComplete{"H:2", "b"}}).passes(40ms);
  script.leaves_connection_clean(false);
  script.ends_with(client_errc::deadline,
                   "3 of 4 jobs of function \"reverse\" did not end within 100 ms");
  const Told end = outcomes_of(script);
  EXPECT_EQ(end.codes, (std::vector{client_errc::deadline, client_errc{}, client_errc::deadline,
                                    client_errc::deadline}));
  CallScript early(run(), "a", {.deadline = 100ms});
  early.passes(100ms).ends_with(client_errc::deadline,
                                "4 of 4 jobs of function \"reverse\" did not end within 100 ms: no "
                                "connection yet to a");
  EXPECT_EQ(outcomes_of(early).outcomes.substr(0, 20), "?4 of 4 jobs of func");
}

TEST(call_run, gives_a_server_answer_timeout_to_acknowledge_and_workers_all_the_time) {
  CallScript script(run(), "a", {.answer_timeout = 300ms, .jobs_in_flight = 2});
  script.reuses("a").writes({submit(0), submit(1)}).passes(299ms);
  script.reads({JobCreated{"H:1"}}).passes(299ms).reads({JobCreated{"H:2"}});
  script.passes(1h).reads({WorkComplete{"H:1", "a"}});
  script.writes({submit(2)}).passes(299ms).reads({JobCreated{"H:3"}}).passes(1h);
  script.reads({WorkComplete{"H:2", "b"}}).writes({submit(3)}).passes(300ms);
  const Told end = outcomes_of(script);
  EXPECT_EQ(end.codes, (std::vector{client_errc{}, client_errc{}, client_errc::connection_lost,
                                    client_errc::connection_lost}));
  EXPECT_EQ(end.error->code, client_errc::connection_lost);
  EXPECT_NE(end.error->message.find("a (no answer within 300 ms)"), std::string::npos)
      << end.error->message;
}

TEST(call_run, tells_when_cancelled_what_every_job_has_come_to) {
  ServerChoice choice;
  choice.configure(std::get<std::vector<ServerAddress>>(parse_server_list("a")), 5000ms);
  CallFsm fsm(run(), {.jobs_in_flight = 2}, choice);
  const Instant now{1h};
  static_cast<void>(fsm.start(now));
  static_cast<void>(fsm.resume(LookedUp{}, now));
  static_cast<void>(fsm.resume(Opened{.is_reused = true}, now));
  static_cast<void>(fsm.resume(Wrote{fsm.unsent().size()}, now));
  fsm.cancel(now);
  EXPECT_EQ(fsm.error()->message,
            "cancelled after 0 ms: 4 of 4 jobs of function \"reverse\" had not ended");
  const std::string message = fsm.error()->message;
  EXPECT_EQ(told(fsm.result()),
            "!" + message + "; this job was sent\n!" + message + "; this job was sent\n?" +
                message + "; this job was not sent\n?" + message + "; this job was not sent\n");
  EXPECT_FALSE(fsm.is_connection_clean());
}

// ---- Limits, counts

TEST(call_run, holds_the_number_of_jobs_to_its_limit) {
  const std::vector<JobOfMany> most(run_many_jobs_max);
  EXPECT_FALSE(fault_of(RunManyCall{.function = "f", .jobs = most}, {}));
  const std::vector<JobOfMany> more(run_many_jobs_max + 1);
  EXPECT_EQ(fault_of(RunManyCall{.function = "f", .jobs = more}, {})->message,
            "10001 jobs at once are above the limit of 10000");
  EXPECT_EQ(fault_of(RunManyCall{.function = "f"}, {})->message, "there is no job");
  CallScript(RunManyCall{.function = "f"}, "a")
      .ends_with(client_errc::invalid_argument, "there is no job");
}

TEST(call_run, names_the_job_that_breaks_a_limit) {
  const std::string longest(unique_bytes_max, 'u');
  const std::string longer(unique_bytes_max + 1, 'u');
  const std::array good{JobOfMany{"", "w"}, JobOfMany{longest, ""}};
  EXPECT_FALSE(fault_of(run(good), {}));
  const std::array bad{JobOfMany{"", "w"}, JobOfMany{longer, ""}};
  EXPECT_EQ(fault_of(run(bad), {})->message,
            "job 2: unique key of 65 bytes is above the limit of 64 bytes");
}

TEST(call_run, counts_what_was_sent_and_what_failed) {
  CallScript script(run(), "a", {.jobs_in_flight = 3});
  script.reuses("a").writes({submit(0), submit(1), submit(2)});
  script.reads({JobCreated{"H:1"}, JobCreated{"H:2"}, WorkComplete{"H:1", ""}});
  script.breaks("gone");
  script.ends([](const CallFsm& fsm) {
    EXPECT_EQ(fsm.job_counts().sent, 2u);
    EXPECT_EQ(fsm.job_counts().failed, 3u);
  });
}

}  // namespace
}  // namespace gman::test
