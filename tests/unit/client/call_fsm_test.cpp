// SPDX-License-Identifier: BSD-3-Clause
#include "client/fsm/call_fsm.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "client/fsm/text.hpp"
#include "tests/unit/client/call_script.hpp"

namespace gman::test {
namespace {

using namespace std::string_view_literals;
using namespace std::chrono_literals;
using testing::HasSubstr;

const OptionReq exceptions{"exceptions"};
const OptionRes exceptions_on{"exceptions"};
constexpr std::string_view handle = "H:box:1";
const EchoReq echo{"gman ping"};

Call foreground(std::string_view function = "reverse") {
  return SubmitCall{.function = function, .workload = "Hello"};
}
Call background() {
  return SubmitCall{.function = "index_url", .workload = "http://a/", .mode = JobMode::background};
}
Request submit(const Call& call) {
  const auto& job = std::get<SubmitCall>(call);
  return SubmitJob{.function = job.function,
                   .unique = job.unique,
                   .workload = job.workload,
                   .priority = job.priority,
                   .mode = job.mode};
}

// A foreground job that one server has acknowledged.
CallScript working(CallLimits limits = {}, std::string_view function = "reverse") {
  CallScript script(foreground(function), "a", limits);
  script.opens("a").writes({exceptions, submit(foreground(function))});
  script.reads({exceptions_on, JobCreated{handle}});
  return script;
}

// ---- What goes well

TEST(call_fsm, runs_a_foreground_job) {
  working()
      .reads({WorkComplete{handle, "olleH"}})
      .ends_well([](const CallResult& result) {
        EXPECT_EQ(result.handle, handle);
        EXPECT_EQ(result.data, "olleH");
        EXPECT_EQ(result.server, "a");
      })
      .leaves_connection_clean(true)
      .comes_out_the_same_byte_by_byte()
      .fails_cleanly_at_every_step();
}

TEST(call_fsm, submits_a_background_job) {
  CallScript(background(), "a")
      .opens("a")
      .writes({exceptions, submit(background())})
      .reads({exceptions_on})
      .reads({JobCreated{handle}})
      .ends_well([](const CallResult& result) { EXPECT_EQ(result.handle, handle); })
      .leaves_connection_clean(true)
      .comes_out_the_same_byte_by_byte()
      .fails_cleanly_at_every_step();
}

TEST(call_fsm, asks_for_a_status) {
  CallScript(StatusCall{handle}, "a,b")
      .opens("a")
      .writes({exceptions})
      .reads({exceptions_on})
      .writes({GetStatus{handle}})
      .reads({StatusRes{handle, true, true, 40, 100}})
      .ends_well([](const CallResult& result) {
        EXPECT_TRUE(result.known);
        EXPECT_TRUE(result.running);
        EXPECT_EQ(result.numerator, 40u);
        EXPECT_EQ(result.denominator, 100u);
      })
      .leaves_connection_clean(true)
      .comes_out_the_same_byte_by_byte()
      .fails_cleanly_at_every_step();
}

TEST(call_fsm, measures_a_ping_from_the_request_to_the_echo) {
  CallScript(PingCall{}, "a,b")
      .opens_in_vain("a", "connection refused")
      .passes(30ms)
      .opens("b")
      .writes({exceptions})
      .passes(20ms)
      .reads({exceptions_on})
      .writes({echo})
      .passes(7ms)
      .reads({EchoRes{echo.data}})
      .ends_well([](const CallResult& result) {
        EXPECT_EQ(result.server, "b");
        EXPECT_DOUBLE_EQ(result.round_trip_ms, 7);
        EXPECT_DOUBLE_EQ(result.elapsed_ms, 57);
      })
      .fails_cleanly_at_every_step();
}

TEST(call_fsm, sends_each_priority_by_its_own_packet) {
  for (const Priority priority : {Priority::high, Priority::normal, Priority::low}) {
    for (const JobMode mode : {JobMode::foreground, JobMode::background}) {
      const Call call = SubmitCall{
          .function = "f", .unique = "u", .workload = "w", .priority = priority, .mode = mode};
      CallScript script(call, "a");
      script.opens("a").writes({exceptions, submit(call)});
      script.reads({exceptions_on, JobCreated{handle}});
      if (mode == JobMode::foreground) script.reads({WorkComplete{handle, ""}});
      script.ends_well();
    }
  }
}

TEST(call_fsm, collects_data_warnings_and_status_before_the_end) {
  working()
      .reads({WorkData{handle, "one "}, WorkWarning{handle, "hot"}, WorkStatus{handle, "1", "3"}})
      .reads(
          {WorkData{handle, "two "}, WorkWarning{handle, "hotter"}, WorkStatus{handle, "2", "3"}})
      .reads({WorkComplete{handle, "three"}})
      .ends_well([](const CallResult& result) {
        EXPECT_EQ(result.data, "one two three");
        EXPECT_EQ(result.warning, "hot\nhotter\n");
        EXPECT_EQ(result.numerator, 2u);
        EXPECT_EQ(result.denominator, 3u);
      })
      .leaves_connection_clean(true)
      .comes_out_the_same_byte_by_byte()
      .fails_cleanly_at_every_step();
}

TEST(call_fsm, sends_no_option_over_a_connection_that_is_reused) {
  CallScript(foreground(), "a,b")
      .reuses("a")
      .writes({submit(foreground())})
      .reads({JobCreated{handle}, WorkComplete{handle, "olleH"}})
      .ends_well()
      .leaves_connection_clean(true);
}

TEST(call_fsm, does_without_exceptions_at_a_server_that_does_not_know_them) {
  CallScript(foreground(), "a")
      .opens("a")
      .writes({exceptions, submit(foreground())})
      .reads({ErrorRes{"UNKNOWN_OPTION", "Server does not recognize given option"}})
      .reads({JobCreated{handle}, WorkComplete{handle, "olleH"}})
      .ends_well()
      .leaves_connection_clean(true);
}

TEST(call_fsm, does_not_keep_a_connection_on_which_more_was_sent_than_asked_for) {
  working()
      .reads({WorkComplete{handle, "olleH"}, Noop{}})
      .ends_well()
      .leaves_connection_clean(false);
}

// ---- Which server gets the job

TEST(call_fsm, goes_on_to_the_next_server_while_nobody_can_have_the_job) {
  CallScript(background(), "a,b,c")
      .opens_in_vain("a", "connection refused")
      .opens("b")
      .writes({exceptions})
      .breaks("connection reset by peer")
      .opens("c")
      .writes({exceptions})
      .reads({exceptions_on})
      .writes({submit(background())})
      .reads({JobCreated{handle}})
      .ends_well([](const CallResult& result) { EXPECT_EQ(result.server, "c"); })
      .fails_cleanly_at_every_step();
}

TEST(call_fsm, passes_over_a_server_that_accepts_connections_but_is_hung) {
  CallScript(background(), "a,b")
      .opens("a")
      .writes({exceptions})
      .passes(2000ms)
      .opens("b")
      .writes({exceptions})
      .reads({exceptions_on})
      .writes({submit(background())})
      .reads({JobCreated{handle}})
      .ends_well([](const CallResult& result) { EXPECT_EQ(result.server, "b"); });
}

TEST(call_fsm, opens_anew_when_a_kept_connection_took_no_part_of_the_job) {
  CallScript(background(), "a,b")
      .reuses("a")
      .breaks("broken pipe")
      .opens("a")
      .writes({exceptions})
      .reads({exceptions_on})
      .writes({submit(background())})
      .reads({JobCreated{handle}})
      .ends_well()
      .fails_cleanly_at_every_step();
}

TEST(call_fsm, asks_again_on_a_new_connection_when_asking_twice_does_no_harm) {
  CallScript(PingCall{}, "a")
      .reuses("a")
      .writes({echo})
      .breaks("connection reset by peer")
      .opens("a")
      .writes({exceptions, echo})
      .reads({exceptions_on, EchoRes{echo.data}})
      .ends_well();
}

TEST(call_fsm, never_sends_a_job_again_that_a_kept_connection_may_have_delivered) {
  CallScript(background(), "a,b")
      .reuses("a")
      .writes({submit(background())})
      .passes(3ms)
      .breaks("connection reset by peer")
      .ends_with(client_errc::connection_lost,
                 "a: connection reset by peer, 3 ms after the start, when the job of function "
                 "\"index_url\" was sent but not acknowledged: its fate is unknown",
                 "submit it again if running it twice does no harm")
      .leaves_connection_clean(false);
}

TEST(call_fsm, names_every_server_that_it_tried_and_why_it_failed) {
  CallScript(background(), "127.0.0.1:4730, unix:/run/x,c")
      .opens_in_vain("127.0.0.1:4730", "connection refused")
      .opens_in_vain("unix:/run/x", "no such file or directory")
      .opens("c")
      .passes(3ms)
      .breaks("connection closed by the server")
      .ends_with(client_errc::unreachable,
                 "no job server reachable: 127.0.0.1:4730 (connection refused), unix:/run/x (no "
                 "such file or directory), c (connection closed by the server) after 3 ms",
                 "start gmand, or correct the list of servers");
}

TEST(call_fsm, says_when_no_server_is_configured) {
  CallScript(PingCall{}, "")
      .ends_with(client_errc::no_servers, "no job server is configured",
                 "name one in the list of servers");
}

TEST(call_fsm, sends_nothing_of_a_call_that_breaks_a_limit) {
  CallScript(SubmitCall{.function = "f", .workload = "12345"}, "a", {.workload_bytes_max = 4})
      .ends_with(client_errc::invalid_argument,
                 "workload of 5 bytes is above the limit of 4 bytes");
}

// ---- What workers and servers say

TEST(call_fsm, reports_a_failed_job_with_its_warnings) {
  working()
      .passes(12ms)
      .reads({WorkFail{handle}})
      .ends_with(client_errc::job_failed, "job H:box:1 of function \"reverse\" failed after 12 ms",
                 "the worker's log may say why")
      .leaves_connection_clean(true)
      .comes_out_the_same_byte_by_byte();
  working()
      .reads({WorkWarning{handle, "disk full"}, WorkFail{handle}})
      .ends_with(
          client_errc::job_failed,
          "job H:box:1 of function \"reverse\" failed after 0 ms, with the warning: disk full",
          "the worker's log may say why");
}

TEST(call_fsm, quotes_an_exception_on_one_line) {
  working()
      .reads({WorkException{handle, "Traceback:\n  \x1b[31mboom"}})
      .ends_with(client_errc::job_exception,
                 "job H:box:1 of function \"reverse\" ended with an exception: "
                 "Traceback:\\n  \\x1b[31mboom")
      .leaves_connection_clean(true)
      .comes_out_the_same_byte_by_byte();
}

TEST(call_fsm, cuts_a_long_exception_and_a_long_function_name) {
  const std::string function(quoted_name_bytes_max + 1, 'f');
  const std::string text(quoted_text_bytes_max + 1, 'x');
  working({}, function)
      .reads({WorkException{handle, text}})
      .ends_with(client_errc::job_exception,
                 "job H:box:1 of function \"" + std::string(quoted_name_bytes_max, 'f') +
                     "...\" ended with an exception: " + std::string(quoted_text_bytes_max, 'x') +
                     "...");
}

TEST(call_fsm, quotes_an_error_packet_and_keeps_the_connection) {
  CallScript(background(), "a")
      .opens("a")
      .writes({exceptions, submit(background())})
      .reads({exceptions_on, ErrorRes{"QUEUE_ERROR", "Job queue is full"}})
      .ends_with(client_errc::server_error,
                 "a refused the job of function \"index_url\": QUEUE_ERROR \"Job queue is full\"")
      .leaves_connection_clean(true)
      .comes_out_the_same_byte_by_byte();
}

TEST(call_fsm, hears_an_error_while_it_is_still_sending) {
  CallScript(background(), "a")
      .opens("a")
      .reads({exceptions_on, ErrorRes{"ARGUMENT_TOO_LARGE", "No"}})
      .ends_with(client_errc::server_error,
                 "a refused the job of function \"index_url\": ARGUMENT_TOO_LARGE \"No\"")
      .leaves_connection_clean(false);
}

// ---- Servers that break the protocol

TEST(call_fsm, ends_with_a_protocol_error_at_an_answer_that_was_not_due) {
  const std::string unknown = "; the fate of job H:box:1 of function \"reverse\" is unknown";
  const struct {
    Response response;
    std::string what;
  } table[] = {
      {JobCreated{handle}, "unexpected JOB_CREATED"},
      {EchoRes{""}, "unexpected ECHO_RES"},
      {OptionRes{"exceptions"}, "unexpected OPTION_RES"},
      {StatusRes{handle, true, true, 1, 2}, "unexpected STATUS_RES"},
      {NoJob{}, "unexpected NO_JOB"},
      {Noop{}, "unexpected NOOP"},
      {JobAssign{.handle = handle, .function = "f"}, "unexpected JOB_ASSIGN"},
      {WorkData{"H:box:2", "x"}, "unexpected WORK_DATA"},
      {WorkWarning{"H:box:2", "x"}, "unexpected WORK_WARNING"},
      {WorkStatus{"H:box:2", "1", "2"}, "unexpected WORK_STATUS"},
      {WorkComplete{"H:box:2", "x"}, "unexpected WORK_COMPLETE"},
      {WorkFail{"H:box:2"}, "unexpected WORK_FAIL"},
      {WorkException{"H:box:2", "x"}, "unexpected WORK_EXCEPTION"},
  };
  for (const auto& row : table) {
    working()
        .reads({row.response})
        .ends_with(client_errc::protocol_error, "a broke the protocol: " + row.what + unknown)
        .leaves_connection_clean(false);
  }
}

TEST(call_fsm, ends_with_a_protocol_error_at_bytes_that_are_no_answer) {
  const struct {
    std::string bytes, message, hint;
  } table[] = {
      {"HTTP/1.1 400 Bad Request\r\n\r\n",
       "a does not speak the Gearman protocol: it sent \"HTTP/1.1 400 Bad Request\\r\\n\\r\\n\"",
       "is that the address of a job server?"},
      {std::string("\0RAS", 4), "a broke the protocol: Not a packet: bad magic", ""},
      {std::string("\0RES\0\0\0\x63\0\0\0\0", 12),
       "a broke the protocol: No packet has this type number", ""},
      {std::string("\0RES\0\0\0\x11\xff\xff\xff\xff", 12),
       "a broke the protocol: Packet body announced above the limit of 67174400 bytes", ""},
      {std::string("\0REQ\0\0\0\x11\0\0\0\0", 12),
       "a broke the protocol: ECHO_RES: Response magic expected", ""},
      {std::string("\0RES\0\0\0\x0c\0\0\0\x01x", 13),
       "a broke the protocol: WORK_STATUS: Packet has fewer arguments than its type needs", ""},
      {bytes_of_response(EchoRes{"other"}),
       "a broke the protocol: ECHO_RES with other bytes than sent", ""},
  };
  for (const auto& row : table) {
    CallScript(PingCall{}, "a")
        .opens("a")
        .writes({exceptions, echo})
        .reads({exceptions_on})
        .reads_bytes(row.bytes)
        .ends_with(client_errc::protocol_error, row.message, row.hint)
        .leaves_connection_clean(false);
  }
}

TEST(call_fsm, refuses_an_answer_before_the_request_was_sent) {
  CallScript(PingCall{}, "a,b")
      .opens("a")
      .writes({exceptions})
      .reads({exceptions_on, EchoRes{echo.data}})
      .ends_with(client_errc::protocol_error, "a broke the protocol: unexpected ECHO_RES");
  CallScript(PingCall{}, "a")
      .opens("a")
      .writes({exceptions, echo})
      .reads({EchoRes{echo.data}})
      .ends_with(client_errc::protocol_error, "a broke the protocol: unexpected ECHO_RES");
}

TEST(call_fsm, holds_a_handle_to_its_limit) {
  const auto created = [](const std::string& name) {
    CallScript script(background(), "a");
    script.opens("a").writes({exceptions, submit(background())});
    script.reads({exceptions_on, JobCreated{name}});
    return script;
  };
  created(std::string(63, 'h')).ends_well();
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{64}}) {
    created(std::string(bytes, 'h'))
        .ends_with(client_errc::protocol_error,
                   "a broke the protocol: JOB_CREATED with a handle of " + std::to_string(bytes) +
                       " bytes; the fate of the job of function \"index_url\" is unknown");
  }
}

TEST(call_fsm, holds_data_and_warnings_together_to_the_limit_of_a_result) {
  const auto result = [](std::string_view last) {
    return working({.result_bytes_max = 20})
        .reads({WorkData{handle, "12345"}, WorkWarning{handle, "123"}, WorkWarning{handle, ""}})
        .reads({WorkComplete{handle, last}});
  };
  result("123456789").ends_well();
  result("1234567890").ends_well([](const CallResult& ended) {
    EXPECT_EQ(ended.data, "123451234567890");
    EXPECT_EQ(ended.warning, "123\n\n");
  });
  result("12345678901")
      .ends_with(client_errc::protocol_error,
                 "the result of job H:box:1 of function \"reverse\" is above the limit of 20 bytes",
                 "let the worker store the result and return where it is")
      .leaves_connection_clean(false);
}

TEST(call_fsm, says_when_a_connection_ends_in_the_middle_of_an_answer) {
  working()
      .reads_bytes(bytes_of_response(WorkComplete{handle, "olleH"}).substr(0, 20))
      .breaks("connection closed by the server")
      .ends_with(
          client_errc::connection_lost,
          "a: connection closed by the server in the middle of an answer, 0 ms after the "
          "start, when job H:box:1 of function \"reverse\" had not ended: its fate is unknown",
          "submit it again if running it twice does no harm");
}

TEST(call_fsm, survives_answers_with_random_faults_in_them) {
  std::string good;
  for (const Response& response : std::initializer_list<Response>{
           exceptions_on, JobCreated{handle}, WorkStatus{handle, "1", "2"}, WorkData{handle, "ab"},
           WorkWarning{handle, "w"}, WorkComplete{handle, "cd"}}) {
    good += bytes_of_response(response);
  }
  int well = 0;
  int badly = 0;
  for (unsigned seed = 0; seed < 5000; ++seed) {
    std::minstd_rand random(seed + 1);
    std::string bytes = good;
    for (unsigned faults = random() % 3; faults > 0; --faults) {
      const std::size_t at = random() % bytes.size();
      switch (random() % 3) {
        case 0: bytes[at] = static_cast<char>(random()); break;
        case 1: bytes.erase(at, 1 + random() % 4); break;
        case 2: bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 20)); break;
      }
    }
    ServerChoice choice;
    choice.configure(std::get<std::vector<ServerAddress>>(parse_server_list("a")), 5000ms);
    CallFsm fsm(foreground(), {}, choice);
    Action action = fsm.start({});
    action = fsm.resume(Opened{}, {});
    action = fsm.resume(Wrote{fsm.unsent().size()}, {});
    std::string_view rest = bytes;
    while (action == Action::transfer && !rest.empty()) {
      const auto space = fsm.read_space();
      const std::size_t count = std::min({rest.size(), space.size(), 1 + random() % 40});
      std::copy_n(rest.begin(), count, space.begin());
      rest.remove_prefix(count);
      action = fsm.resume(Received{count}, {});
    }
    if (action != Action::done) action = fsm.resume(Broken{"connection closed by the server"}, {});
    ASSERT_EQ(action, Action::done) << "seed " << seed;
    if (!fsm.error()) {
      ++well;
      continue;
    }
    ++badly;
    EXPECT_EQ(printable(fsm.error()->message, 10'000), fsm.error()->message) << "seed " << seed;
  }
  EXPECT_GT(well, 1000);
  EXPECT_GT(badly, 1000);
}

// ---- Time

const CallLimits half_a_second{.deadline = 500ms};

CallScript at_deadline() {
  return working(half_a_second, "nosuch").passes(499ms).passes(1ms).writes({GetStatus{handle}});
}

TEST(call_fsm, says_at_the_deadline_that_no_worker_has_taken_the_job) {
  at_deadline()
      .passes(2ms)
      .reads({StatusRes{handle, true, false, 0, 0}})
      .ends_with(
          client_errc::deadline,
          "job H:box:1 of function \"nosuch\" did not end within 500 ms: it is queued and no "
          "worker has taken it",
          "is a worker for \"nosuch\" connected?")
      .leaves_connection_clean(false)
      .comes_out_the_same_byte_by_byte()
      .fails_cleanly_at_every_step();
}

TEST(call_fsm, says_at_the_deadline_how_far_the_worker_has_come) {
  const std::string late = "job H:box:1 of function \"nosuch\" did not end within 500 ms: ";
  at_deadline()
      .reads({StatusRes{handle, true, true, 40, 100}})
      .ends_with(client_errc::deadline, late + "a worker is running it (40 of 100 done)");
  at_deadline()
      .reads({StatusRes{handle, true, true, 0, 0}})
      .ends_with(client_errc::deadline, late + "a worker is running it");
  at_deadline()
      .reads({StatusRes{handle, false, false, 0, 0}})
      .ends_with(client_errc::deadline, late + "the server does not know it any more");
}

TEST(call_fsm, waits_no_longer_than_the_grace_for_the_status) {
  const std::string late = "job H:box:1 of function \"nosuch\" did not end within 500 ms: ";
  at_deadline()
      .passes(status_grace - 1ms)
      .passes(1ms)
      .ends_with(client_errc::deadline, late + "the server did not say what became of it");
  at_deadline()
      .reads({ErrorRes{"INVALID_COMMAND", "Command not expected"}})
      .ends_with(client_errc::deadline, late + "the server did not say what became of it");
  at_deadline()
      .breaks("connection reset by peer")
      .ends_with(client_errc::deadline, late + "connection reset by peer, so no more is known");
}

TEST(call_fsm, takes_a_result_that_comes_within_the_grace) {
  at_deadline()
      .reads({WorkData{handle, "just "}, WorkComplete{handle, "in time"}})
      .ends_well([](const CallResult& result) { EXPECT_EQ(result.data, "just in time"); })
      .leaves_connection_clean(false);  // STATUS_RES is still to come
}

TEST(call_fsm, says_at_the_deadline_how_far_a_submission_has_come) {
  CallScript(background(), "a,b", half_a_second)
      .opens_in_vain("a", "connection refused")
      .passes(500ms)
      .ends_with(client_errc::deadline,
                 "the job of function \"index_url\" was not submitted within 500 ms: no connection "
                 "yet to b, after a (connection refused)");
  CallScript(background(), "a,b", half_a_second)
      .opens("a")
      .writes({exceptions})
      .passes(500ms)
      .ends_with(client_errc::deadline,
                 "the job of function \"index_url\" was not submitted within 500 ms: sending to a");
  CallScript(background(), "a", half_a_second)
      .opens("a")
      .writes({exceptions, submit(background())})
      .passes(500ms)
      .ends_with(client_errc::deadline,
                 "a did not acknowledge the job of function \"index_url\" within 500 ms: its fate "
                 "is unknown");
  CallScript(PingCall{}, "a", half_a_second)
      .opens("a")
      .writes({exceptions, echo})
      .passes(500ms)
      .ends_with(client_errc::deadline, "no answer from a within 500 ms");
}

TEST(call_fsm, gives_a_server_connect_timeout_to_resolve_connect_and_answer_first) {
  const CallLimits limits{.connect_timeout = 100ms};
  CallScript(PingCall{}, "a,b,c", limits)
      .passes(99ms)
      .passes(1ms)  // a: the name
      .opens("b")
      .passes(100ms)  // b: the first answer
      .opens_in_vain("c", "connection refused")
      .ends_with(
          client_errc::unreachable,
          "no job server reachable: a (name look-up did not end within 100 ms), b (no answer "
          "within 100 ms), c (connection refused) after 200 ms",
          "start gmand, or correct the list of servers");
}

TEST(call_fsm, waits_answer_timeout_after_the_last_byte_was_sent) {
  const CallLimits limits{.connect_timeout = 60s, .answer_timeout = 100ms};
  CallScript(background(), "a", limits)
      .reuses("a")
      .passes(90ms)
      .writes({submit(background())})
      .passes(99ms)
      .passes(1ms)
      .ends_with(client_errc::connection_lost,
                 "a: no answer within 100 ms, 190 ms after the start, when the job of function "
                 "\"index_url\" was sent but not acknowledged: its fate is unknown",
                 "submit it again if running it twice does no harm");
}

TEST(call_fsm, waits_for_a_foreground_job_for_ever_when_no_deadline_is_set) {
  working().passes(std::chrono::hours{240}).reads({WorkComplete{handle, "at last"}}).ends_well();
}

TEST(call_fsm, waits_for_an_answer_for_ever_when_no_timeout_is_set) {
  CallScript(background(), "a", {.answer_timeout = 0ms})
      .reuses("a")
      .writes({submit(background())})
      .passes(std::chrono::hours{240})
      .reads({JobCreated{handle}})
      .ends_well();
}

TEST(call_fsm, keeps_its_deadline_against_a_server_that_never_stops_sending) {
  ServerChoice choice;
  choice.configure(std::get<std::vector<ServerAddress>>(parse_server_list("a")), 5000ms);
  CallFsm fsm(foreground(), half_a_second, choice);
  Instant now{};
  ASSERT_EQ(fsm.start(now), Action::open);
  Action action = fsm.resume(Opened{.is_reused = true}, now);
  action = fsm.resume(Wrote{fsm.unsent().size()}, now);
  std::string packet;
  append_response(packet, JobCreated{handle});
  while (action != Action::done && now < Instant{} + 10s) {
    std::copy(packet.begin(), packet.end(), fsm.read_space().begin());
    action = fsm.resume(Received{packet.size()}, now);
    packet.clear();
    append_response(packet, WorkData{handle, "x"});
    now += 1ms;
  }
  ASSERT_TRUE(fsm.error());
  EXPECT_EQ(fsm.error()->code, client_errc::deadline);
  EXPECT_LE(now, Instant{} + half_a_second.deadline + status_grace + 2ms);
}

// ---- Cancelling

TEST(call_fsm, says_when_cancelled_how_far_the_call_has_come) {
  ServerChoice choice;
  choice.configure(std::get<std::vector<ServerAddress>>(parse_server_list("a")), 5000ms);
  const auto cancelled = [&](bool is_open, bool is_sent, bool is_created) {
    CallFsm fsm(foreground(), {}, choice);
    const Instant now{};
    Action action = fsm.start(now);
    if (is_open) action = fsm.resume(Opened{.is_reused = true}, now);
    if (is_sent) action = fsm.resume(Wrote{fsm.unsent().size()}, now);
    if (is_created) {
      const std::string packet = bytes_of_response(JobCreated{handle});
      std::copy(packet.begin(), packet.end(), fsm.read_space().begin());
      action = fsm.resume(Received{packet.size()}, now);
    }
    EXPECT_NE(action, Action::done);
    fsm.cancel(now + 9ms);
    EXPECT_EQ(fsm.error()->code, client_errc::cancelled);
    EXPECT_FALSE(fsm.is_connection_clean());
    return fsm.error()->message;
  };
  const std::string job = "the job of function \"reverse\" was ";
  EXPECT_EQ(cancelled(false, false, false), "cancelled after 9 ms");
  EXPECT_EQ(cancelled(true, false, false), "cancelled after 9 ms: " + job + "not submitted");
  EXPECT_EQ(cancelled(true, true, false),
            "cancelled after 9 ms: " + job + "sent to a but not acknowledged, its fate is unknown");
  EXPECT_EQ(cancelled(true, true, true),
            "cancelled after 9 ms: job H:box:1 of function \"reverse\" had not ended");
}

}  // namespace
}  // namespace gman::test
