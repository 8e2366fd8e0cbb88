// SPDX-License-Identifier: BSD-3-Clause
// Questions to one server of the list: echo, status by unique, admin commands.
#include <gtest/gtest.h>

#include <string>

#include "client/fsm/call_fsm.hpp"
#include "tests/unit/client/call_script.hpp"

namespace gman::test {
namespace {

using namespace std::chrono_literals;

const OptionReq exceptions{"exceptions"};
const OptionRes exceptions_on{"exceptions"};
const EchoReq echo{"gman ping"};

constexpr std::string_view rows = "f\t1\t0\t2\n";

// ---- One server

TEST(call_query, pings_the_one_server_that_is_named_and_no_other) {
  CallScript(PingCall{1}, "a,b,c")
      .opens("b")
      .writes({exceptions, echo})
      .reads({exceptions_on, EchoRes{echo.data}})
      .ends_well([](const CallResult& result) { EXPECT_EQ(result.server, "b"); })
      .leaves_connection_clean(true)
      .comes_out_the_same_byte_by_byte()
      .fails_cleanly_at_every_step();
  CallScript(PingCall{2}, "a,b,c")
      .opens_in_vain("c", "connection refused")
      .ends_with(client_errc::unreachable,
                 "no job server reachable: c (connection refused) after 0 ms",
                 "start gmand, or correct the list of servers");
}

TEST(call_query, asks_one_server_for_a_status) {
  CallScript(StatusCall{"H:b:1", 1}, "a,b")
      .opens("b")
      .writes({exceptions, GetStatus{"H:b:1"}})
      .reads({exceptions_on, StatusRes{"H:b:1", true, false, 0, 0}})
      .ends_well([](const CallResult& result) { EXPECT_TRUE(result.known); })
      .fails_cleanly_at_every_step();
}

TEST(call_query, refuses_a_server_that_the_list_does_not_have) {
  for (const Call& call : {Call{PingCall{2}}, Call{StatusCall{"H:1", 2}},
                           Call{StatusUniqueCall{"u", 2}}, Call{AdminCall{"status", 2}}}) {
    CallScript(call, "a,b")
        .ends_with(client_errc::invalid_argument, "there is no server 3: the list names 2");
    CallScript(call, "").ends_with(client_errc::no_servers, "no job server is configured",
                                   "name one in the list of servers");
  }
}

// ---- By unique

TEST(call_query, asks_for_a_status_by_unique) {
  CallScript(StatusUniqueCall{"page-17"}, "a,b")
      .opens("a")
      .writes({exceptions})
      .reads({exceptions_on})
      .writes({GetStatusUnique{"page-17"}})
      .reads({StatusResUnique{"page-17", true, true, 40, 100, 3}})
      .ends_well([](const CallResult& result) {
        EXPECT_TRUE(result.known);
        EXPECT_TRUE(result.running);
        EXPECT_EQ(result.numerator, 40u);
        EXPECT_EQ(result.denominator, 100u);
        EXPECT_EQ(result.clients, 3u);
      })
      .leaves_connection_clean(true)
      .comes_out_the_same_byte_by_byte()
      .fails_cleanly_at_every_step();
}

TEST(call_query, quotes_a_server_that_does_not_know_the_question) {
  CallScript(StatusUniqueCall{"u"}, "a")
      .reuses("a")
      .writes({GetStatusUnique{"u"}})
      .reads({ErrorRes{"INVALID_COMMAND", "Command not expected"}})
      .ends_with(client_errc::server_error,
                 "a refused the request: INVALID_COMMAND \"Command not expected\"")
      .leaves_connection_clean(true);
}

TEST(call_query, takes_no_answer_about_another_unique_or_to_another_question) {
  for (const Response& other : {Response{StatusResUnique{"v", true, true, 0, 0, 1}},
                                Response{StatusRes{"u", true, true, 0, 0}}}) {
    CallScript script(StatusUniqueCall{"u"}, "a");
    script.reuses("a").writes({GetStatusUnique{"u"}}).reads({other});
    script.leaves_connection_clean(false);
    const bool is_unique = std::holds_alternative<StatusResUnique>(other);
    script.ends_with(
        client_errc::protocol_error,
        std::string("a broke the protocol: unexpected STATUS_RES") + (is_unique ? "_UNIQUE" : ""));
  }
  CallScript(StatusCall{"u"}, "a")
      .reuses("a")
      .writes({GetStatus{"u"}})
      .reads({StatusResUnique{"u", true, true, 0, 0, 1}})
      .ends_with(client_errc::protocol_error, "a broke the protocol: unexpected STATUS_RES_UNIQUE");
}

TEST(call_query, holds_a_unique_to_its_limit) {
  const std::string longest(unique_bytes_max, 'u');
  CallScript(StatusUniqueCall{longest}, "a")
      .reuses("a")
      .writes({GetStatusUnique{longest}})
      .reads({StatusResUnique{longest, false, false, 0, 0, 0}})
      .ends_well();
  const std::string longer = longest + "u";
  CallScript(StatusUniqueCall{longer}, "a")
      .ends_with(client_errc::invalid_argument,
                 "unique key of 65 bytes is above the limit of 64 bytes");
  CallScript(StatusUniqueCall{""}, "a")
      .ends_with(client_errc::invalid_argument, "unique key is empty");
}

// ---- Admin

TEST(call_query, gives_an_admin_command_without_options_and_keeps_no_connection) {
  CallScript(AdminCall{"status", 1}, "a,b")
      .opens("b")
      .writes_bytes("status\n")
      .reads_bytes(std::string(rows))
      .reads_bytes("g\t0\t0\t0\n.\n")
      .ends_well([](const CallResult& result) {
        EXPECT_EQ(result.data, std::string(rows) + "g\t0\t0\t0\n");
        EXPECT_EQ(result.server, "b");
      })
      .leaves_connection_clean(false)
      .comes_out_the_same_byte_by_byte()
      .fails_cleanly_at_every_step();
}

TEST(call_query, asks_the_next_server_anew_when_one_breaks_off) {
  CallScript(AdminCall{"status"}, "a,b")
      .opens("a")
      .writes_bytes("status\n")
      .reads_bytes("half of the a")
      .breaks("connection reset by peer")
      .opens("b")
      .writes_bytes("status\n")
      .reads_bytes(std::string(rows) + ".\n")
      .ends_well([](const CallResult& result) { EXPECT_EQ(result.data, rows); })
      .comes_out_the_same_byte_by_byte()
      .fails_cleanly_at_every_step();
  CallScript(AdminCall{"version"}, "a")
      .opens("a")
      .writes_bytes("version\n")
      .reads_bytes("OK 1.")
      .breaks("connection reset by peer")
      .ends_with(client_errc::unreachable,
                 "no job server reachable: a (connection reset by peer in the middle of an answer) "
                 "after 0 ms",
                 "start gmand, or correct the list of servers");
}

TEST(call_query, tells_a_refusal_from_an_answer) {
  CallScript script(AdminCall{"cancel job H:box:7"}, "a");
  script.opens("a").writes_bytes("cancel job H:box:7\n").reads_bytes("ERR UNKNOWN_JOB\r\n");
  script.ends_with(client_errc::server_error, "a refused \"cancel job H:box:7\": ERR UNKNOWN_JOB");
  script.comes_out_the_same_byte_by_byte();
  script.leaves_connection_clean(false);
}

TEST(call_query, hears_a_server_that_has_no_room_for_a_connection) {
  CallScript(AdminCall{"status"}, "a")
      .opens("a")
      .writes_bytes("status\n")
      .reads({ErrorRes{"TOO_MANY_CONNECTIONS", "Too many connections: connections-max"}})
      .ends_with(client_errc::server_error,
                 "a refused the request: TOO_MANY_CONNECTIONS \"Too many connections: "
                 "connections-max\"")
      .leaves_connection_clean(false)
      .comes_out_the_same_byte_by_byte();
}

TEST(call_query, gives_an_answer_that_stops_its_time_and_no_more) {
  CallScript(AdminCall{"status"}, "a")
      .opens("a")
      .writes_bytes("status\n")
      .passes(2s)
      .ends_with(client_errc::unreachable,
                 "no job server reachable: a (no answer within 2000 ms) "
                 "after 2000 ms",
                 "start gmand, or correct the list of servers");
  CallScript(AdminCall{"status"}, "a", {.answer_timeout = 300ms})
      .opens("a")
      .writes_bytes("status\n")
      .passes(200ms)
      .reads_bytes(std::string(rows))
      .passes(299ms)
      .reads_bytes("g\t0")
      .passes(300ms)
      .ends_with(client_errc::unreachable,
                 "no job server reachable: a (no answer within 300 ms) "
                 "after 799 ms",
                 "start gmand, or correct the list of servers");
  CallScript(AdminCall{"status"}, "a", {.deadline = 100ms})
      .opens("a")
      .writes_bytes("status\n")
      .reads_bytes(std::string(rows))
      .passes(100ms)
      .ends_with(client_errc::deadline, "no answer from a within 100 ms");
}

TEST(call_query, holds_an_admin_answer_to_its_limit) {
  const CallLimits limits{.admin_answer_bytes_max = rows.size()};
  const auto script = [&](const std::string& answer) {
    CallScript made(AdminCall{"status"}, "a", limits);
    made.opens("a").writes_bytes("status\n").reads_bytes(answer);
    return made;
  };
  script(std::string(rows) + ".\n").ends_well().comes_out_the_same_byte_by_byte();
  script(std::string(rows) + ".\r\n").ends_well().comes_out_the_same_byte_by_byte();
  script("x" + std::string(rows) + ".\n")
      .comes_out_the_same_byte_by_byte()
      .ends_with(client_errc::protocol_error,
                 "a: the answer to \"status\" is above the limit of 8 bytes",
                 "ask from a shell: gman admin");
  script("a row that never ends")
      .ends_with(client_errc::protocol_error,
                 "a: the answer to \"status\" is above the limit of 8 bytes",
                 "ask from a shell: gman admin");
}

TEST(call_query, holds_an_admin_command_to_one_line_of_its_limit) {
  const auto refuses = [](std::string_view line, std::string_view why) {
    CallScript(AdminCall{line}, "a").ends_with(client_errc::invalid_argument, why);
  };
  const std::string longest(admin_line_bytes_max, 'x');
  CallScript(AdminCall{longest}, "a")
      .opens("a")
      .writes_bytes(longest + "\n")
      .reads_bytes("ERR UNKNOWN_COMMAND\r\n")
      .leaves_connection_clean(false);
  const std::string longer = longest + "x";
  refuses(longer, "command of 8192 bytes is above the limit of 8191 bytes");
  refuses("", "command is empty");
  refuses("  ", "command is empty");
  refuses("status\nshutdown", "command has more than one line");
  refuses("status\r", "command has more than one line");
  refuses({"sta\0tus", 7}, "command contains a NUL byte, at offset 3");
}

}  // namespace
}  // namespace gman::test
