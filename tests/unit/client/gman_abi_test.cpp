// SPDX-License-Identifier: BSD-3-Clause
// gman.h against a scripted server on a real socket: what a caller sees when all goes well, and
// what it is told about its own mistakes.
#include <gman/gman.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "protocol/extended.hpp"
#include "tests/unit/client/scripted_server.hpp"
#include "tests/unit/client/test_client.hpp"

namespace gman::test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

TEST(gman_abi, runs_a_foreground_job_and_brings_its_result) {
  ScriptedServer server(well_behaved);
  TestClient client(server.address());
  const Outcome outcome = client.foreground({.function = "reverse", .workload = "Hello"});
  EXPECT_EQ(outcome.status, GMAN_OK) << outcome.message;
  EXPECT_EQ(outcome.data, "olleH");
  EXPECT_EQ(outcome.handle, "H:test:1");
  EXPECT_EQ(outcome.server, server.address());
  EXPECT_EQ(outcome.message, "");
}

TEST(gman_abi, ends_a_background_job_at_its_handle) {
  ScriptedServer server(well_behaved);
  TestClient client(server.address());
  const Outcome outcome = client.background({.function = "index_url", .workload = "http://a/"});
  EXPECT_EQ(outcome.status, GMAN_OK) << outcome.message;
  EXPECT_EQ(outcome.handle, "H:test:1");
  EXPECT_EQ(outcome.data, "");
}

// Knows SUBMIT and SUBMIT_MANY, and refuses the second of many jobs.
void extended(Peer& peer) {
  while (const auto request = peer.receive()) {
    if (const auto* option = std::get_if<OptionReq>(&*request)) {
      peer.send(OptionRes{option->name});
    } else if (const auto* sent = std::get_if<ExtendedRequest>(&*request)) {
      if (sent->type == PacketType::submit) {
        const auto job = std::get<SubmitJob>(parse_submit(sent->body));
        const bool is_as_told = job.unique_mode == UniqueMode::until_start &&
                                job.priority == Priority::low && job.run_at_epoch_ms == 1500;
        peer.send(JobCreated{is_as_told ? "H:test:as-told" : "H:test:otherwise"});
        continue;
      }
      auto many = std::get<SubmitMany>(parse_submit_many(sent->body));
      for (int i = 1; const auto job = many.next_job(); ++i) {
        if (i == 2) {
          peer.send(ErrorRes{"QUEUE_ERROR", "Job queue is full"});
        } else {
          peer.send(JobCreated{"H:test:" + std::string(job->workload)});
        }
      }
    }
  }
}

TEST(gman_abi, gives_a_job_a_unique_mode_a_priority_and_a_time_together) {
  ScriptedServer server(extended);
  TestClient client(server.address());
  const JobText job{.function = "index_url",
                    .unique = "page-17",
                    .priority = GMAN_PRIORITY_LOW,
                    .unique_mode = GMAN_UNIQUE_UNTIL_START,
                    .run_at_ms = 1500};
  for (int i = 0; i < 2; ++i) {  // on a new connection and on the one that was kept
    const Outcome outcome = client.background(job);
    EXPECT_EQ(outcome.status, GMAN_OK) << outcome.message;
    EXPECT_EQ(outcome.handle, "H:test:as-told");
  }
  EXPECT_EQ(server.accepted(), 1);
}

TEST(gman_abi, submits_many_jobs_and_brings_each_outcome) {
  ScriptedServer server(extended);
  TestClient client(server.address());
  const gman_job common{.function = {"f", 1}, .background = 1};
  const std::array parts{gman_job_part{{"u", 1}, {"a", 1}}, gman_job_part{{}, {"b", 1}},
                         gman_job_part{{}, {"c", 1}}};
  const Outcome outcome =
      client.finish(gman_start_jobs(client.get(), &common, parts.data(), parts.size()));
  EXPECT_EQ(outcome.status, GMAN_OK) << outcome.message;
  EXPECT_EQ(outcome.server, server.address());
  std::size_t count = 0;
  const gman_job_outcome* outcomes = gman_job_outcomes(client.get(), &count);
  ASSERT_EQ(count, 3);
  EXPECT_EQ(std::string(outcomes[0].handle.data, outcomes[0].handle.size), "H:test:a");
  EXPECT_EQ(outcomes[0].refusal.size, 0);
  EXPECT_EQ(outcomes[1].handle.size, 0);
  EXPECT_EQ(std::string(outcomes[1].refusal.data, outcomes[1].refusal.size),
            "QUEUE_ERROR \"Job queue is full\"");
  EXPECT_EQ(std::string(outcomes[2].handle.data, outcomes[2].handle.size), "H:test:c");
  client.background({.function = ""});
  EXPECT_EQ(gman_job_outcomes(client.get(), &count), nullptr);
  EXPECT_EQ(count, 0);
}

TEST(gman_abi, refuses_many_jobs_that_contradict_themselves_or_are_none) {
  TestClient client(dead_address());
  const gman_job_part part{{}, {"w", 1}};
  const auto message = [&](const gman_job& common, std::size_t count) {
    const gman_status status = gman_start_jobs(client.get(), &common, &part, count);
    EXPECT_EQ(status, GMAN_INVALID_ARGUMENT);
    return std::string(gman_error_get(client.get())->message);
  };
  EXPECT_EQ(message({.function = {"f", 1}, .unique_mode = GMAN_UNIQUE_UNTIL_START}, 1),
            "many foreground jobs have the unique mode GMAN_UNIQUE_ALIVE");
  EXPECT_EQ(message({.function = {"f", 1}, .run_at_ms = 1}, 1), "many foreground jobs are run now");
  EXPECT_EQ(message({.function = {"f", 1}}, 0), "there is no job");
  EXPECT_EQ(message({.function = {"f", 1}, .unique = {"u", 1}, .background = 1}, 1),
            "unique and workload belong to the parts of many jobs");
  EXPECT_EQ(message({.function = {"f", 1}, .background = 1}, 0), "there is no job");
  EXPECT_EQ(message({.function = {"f", 1}, .background = 1, .unique_mode = 7}, 1),
            "unique_mode is neither GMAN_UNIQUE_ALIVE nor GMAN_UNIQUE_UNTIL_START");
}

TEST(gman_abi, pings_and_measures_the_echo_alone) {
  ScriptedServer server(well_behaved);
  TestClient client(server.address());
  const Outcome outcome = client.ping();
  EXPECT_EQ(outcome.status, GMAN_OK) << outcome.message;
  EXPECT_EQ(outcome.server, server.address());
  EXPECT_GT(outcome.numbers.round_trip_ms, 0);
  EXPECT_LE(outcome.numbers.round_trip_ms, outcome.numbers.elapsed_ms);
}

TEST(gman_abi, asks_for_the_status_of_a_handle) {
  ScriptedServer server(well_behaved);
  TestClient client(server.address());
  const Outcome outcome = client.status("H:test:7");
  EXPECT_EQ(outcome.status, GMAN_OK) << outcome.message;
  EXPECT_EQ(outcome.numbers.known, 1);
  EXPECT_EQ(outcome.numbers.running, 1);
  EXPECT_EQ(outcome.numbers.numerator, 40u);
  EXPECT_EQ(outcome.numbers.denominator, 100u);
}

// ---- Many foreground jobs

std::string text(gman_bytes from) {
  return {from.data, from.size};
}

// Acknowledges each job and answers when it has seen so many, the last one first. What it does
// with a job is the workload's to say.
void run_last_first(Peer& peer, std::size_t jobs) {
  std::vector<std::pair<std::string, std::string>> running;
  while (running.size() < jobs) {
    const auto request = peer.receive_job();
    if (!request) return;
    const std::string workload{std::get<SubmitJob>(*request).workload};
    if (workload == "refuse") {
      peer.send(ErrorRes{"QUEUE_ERROR", "Job queue is full"});
      --jobs;
      continue;
    }
    running.emplace_back("H:" + std::to_string(running.size()), workload);
    peer.send(JobCreated{running.back().first});
  }
  for (; !running.empty(); running.pop_back()) {
    const auto& [handle, workload] = running.back();
    if (workload == "fail") {
      peer.send(WorkFail{handle});
    } else if (workload == "throw") {
      peer.send(WorkException{handle, {"it\0broke", 8}});
    } else if (workload == "die") {
      return;
    } else {
      peer.send(WorkComplete{handle, workload});
    }
  }
  peer.wait_for_close();
}

TEST(gman_abi, runs_many_foreground_jobs_and_brings_what_came_of_each_in_order) {
  ScriptedServer server([](Peer& peer) { run_last_first(peer, 5); });
  TestClient client(server.address());
  const Outcome outcome = client.run("f", {"one", "fail", "refuse", "throw", "five"});
  EXPECT_EQ(outcome.status, GMAN_OK) << outcome.message;
  EXPECT_EQ(outcome.server, server.address());
  EXPECT_EQ(outcome.numbers.numerator, 5u);
  EXPECT_EQ(outcome.numbers.denominator, 5u);
  const auto jobs = client.outcomes();
  ASSERT_EQ(jobs.size(), 5u);
  EXPECT_EQ(jobs[0].status, GMAN_OK);
  EXPECT_EQ(text(jobs[0].data), "one");
  EXPECT_EQ(text(jobs[0].handle), "H:0");
  EXPECT_STREQ(jobs[0].message, "");
  EXPECT_STREQ(jobs[0].hint, "");
  EXPECT_EQ(jobs[1].status, GMAN_JOB_FAILED);
  EXPECT_STREQ(jobs[1].message, "job H:1 of function \"f\" failed");
  EXPECT_STREQ(jobs[1].hint, "the worker's log may say why");
  EXPECT_EQ(jobs[2].status, GMAN_SERVER_ERROR);
  EXPECT_EQ(text(jobs[2].refusal), "QUEUE_ERROR \"Job queue is full\"");
  EXPECT_EQ(jobs[2].sent, 0);
  EXPECT_EQ(jobs[3].status, GMAN_JOB_EXCEPTION);
  EXPECT_EQ(text(jobs[3].exception), std::string("it\0broke", 8));
  EXPECT_EQ(jobs[3].sent, 1);
  EXPECT_EQ(text(jobs[4].data), "five");
  const gman_counters counters = gman_counters_get(client.get());
  EXPECT_EQ(counters.connections, 1u);
  EXPECT_EQ(counters.jobs_sent, 4u);
  EXPECT_EQ(counters.jobs_failed, 3u);
}

TEST(gman_abi, tells_which_of_many_jobs_went_down_with_their_server) {
  ScriptedServer server([](Peer& peer) { run_last_first(peer, 3); });
  TestClient client(server.address());
  const Outcome outcome = client.run("f", {"one", "die", "three"});
  EXPECT_EQ(outcome.status, GMAN_CONNECTION_LOST);
  EXPECT_THAT(outcome.message, HasSubstr(": the fate of 2 of 3 jobs of function \"f\" is unknown"));
  const auto jobs = client.outcomes();
  ASSERT_EQ(jobs.size(), 3u);
  EXPECT_EQ(jobs[0].status, GMAN_CONNECTION_LOST);
  EXPECT_EQ(jobs[1].status, GMAN_CONNECTION_LOST);
  EXPECT_EQ(text(jobs[2].data), "three");
}

TEST(gman_abi, never_has_more_jobs_in_flight_than_set) {
  std::atomic<int> too_many{0};
  ScriptedServer server([&](Peer& peer) {
    std::vector<std::string> handles;
    for (int i = 0; const auto request = peer.receive_job(); ++i) {
      handles.push_back("H:" + std::to_string(i));
      peer.send(JobCreated{handles.back()});
      if (handles.size() < 2) continue;
      if (peer.hears_more()) ++too_many;
      for (; !handles.empty(); handles.pop_back()) peer.send(WorkComplete{handles.back(), ""});
    }
  });
  gman_settings settings = settings_for(server.address().c_str());
  settings.jobs_in_flight = 2;
  TestClient client(settings);
  const Outcome outcome = client.run("f", std::vector<std::string_view>(20, "w"));
  EXPECT_EQ(outcome.status, GMAN_OK) << outcome.message;
  EXPECT_EQ(client.outcomes().size(), 20u);
  EXPECT_EQ(too_many, 0);
}

TEST(gman_abi, runs_as_many_jobs_as_one_call_may_have_over_one_connection) {
  ScriptedServer server(well_behaved);
  TestClient client(server.address());
  const Outcome outcome =
      client.run("reverse", std::vector<std::string_view>(GMAN_FOREGROUND_JOBS_MAX, "ab"));
  EXPECT_EQ(outcome.status, GMAN_OK) << outcome.message;
  const auto jobs = client.outcomes();
  ASSERT_EQ(jobs.size(), std::size_t{GMAN_FOREGROUND_JOBS_MAX});
  for (const gman_job_outcome& job : jobs) ASSERT_EQ(text(job.data), "ba");
  EXPECT_EQ(client.foreground({.function = "reverse", .workload = "Hello"}).data, "olleH");
  EXPECT_EQ(server.accepted(), 1);
}

TEST(gman_abi, closes_the_connection_of_many_jobs_that_are_cancelled_or_late) {
  std::atomic<int> closed{0};
  ScriptedServer server([&](Peer& peer) {
    for (int i = 0; i < 2 && peer.receive_job(); ++i) {
      peer.send(JobCreated{"H:" + std::to_string(i)});
    }
    peer.send(WorkComplete{"H:0", "done"});
    if (peer.wait_for_close()) ++closed;
  });
  TestClient client(server.address());
  const Outcome late = client.run("f", {"a", "b"}, 500);
  EXPECT_EQ(late.status, GMAN_DEADLINE);
  EXPECT_EQ(late.message, "1 of 2 jobs of function \"f\" did not end within 500 ms");
  ASSERT_EQ(client.outcomes().size(), 2u);
  EXPECT_EQ(text(client.outcomes()[0].data), "done");
  EXPECT_EQ(client.outcomes()[1].status, GMAN_DEADLINE);

  const gman_job common{.function = {"f", 1}};
  const std::array parts{gman_job_part{{}, {"a", 1}}, gman_job_part{{}, {"b", 1}}};
  const gman_status started = gman_start_jobs(client.get(), &common, parts.data(), parts.size());
  const Outcome cancelled = client.finish(started, [&] {
    return gman_result(client.get())->numerator == 1;  // how many have ended, while it runs
  });
  EXPECT_EQ(cancelled.status, GMAN_CANCELLED);
  ASSERT_EQ(client.outcomes().size(), 2u);
  EXPECT_EQ(text(client.outcomes()[0].data), "done");
  EXPECT_EQ(client.outcomes()[1].status, GMAN_CANCELLED);
  EXPECT_EQ(client.outcomes()[1].sent, 1);
  server.wait_until_idle();
  EXPECT_EQ(closed, 2);
}

// ---- Questions

TEST(gman_abi, asks_one_server_of_the_list_or_any) {
  ScriptedServer first(well_behaved);
  ScriptedServer second(well_behaved);
  TestClient client(first.address() + "," + second.address());
  EXPECT_EQ(client.ask(GMAN_QUERY_PING).server, first.address());
  EXPECT_EQ(client.ask(GMAN_QUERY_PING, "", 2).server, second.address());
  const Outcome status = client.ask(GMAN_QUERY_STATUS, "H:test:7", 2);
  EXPECT_EQ(status.server, second.address());
  EXPECT_EQ(status.numbers.denominator, 100u);
  const Outcome unique = client.ask(GMAN_QUERY_STATUS_UNIQUE, "page-17");
  EXPECT_EQ(unique.status, GMAN_OK) << unique.message;
  EXPECT_EQ(unique.numbers.known, 1);
  EXPECT_EQ(unique.numbers.running, 1);
  EXPECT_EQ(unique.numbers.numerator, 40u);
  EXPECT_EQ(unique.numbers.clients, 3u);
  EXPECT_EQ(client.ask(GMAN_QUERY_PING, "", 3).message, "there is no server 3: the list names 2");
}

// Admin lines on connections that begin with one, packets on the others.
void administered(Peer& peer) {
  if (peer.number() == 1) return well_behaved(peer);
  const auto line = peer.receive_line();
  if (line == "status") peer.send_bytes("f\t3\t1\t2\n.\n");
  if (line == "version") peer.send_bytes("OK 1.1.20\n");
  if (line == "cancel job H:1") peer.send_bytes("ERR UNKNOWN_JOB\r\n");
  peer.wait_for_close();
}

TEST(gman_abi, gives_admin_commands_beside_the_connection_for_jobs) {
  ScriptedServer server(administered);
  TestClient client(server.address());
  EXPECT_EQ(client.ping().status, GMAN_OK);
  const Outcome status = client.ask(GMAN_QUERY_ADMIN, "status", 1);
  EXPECT_EQ(status.status, GMAN_OK) << status.message;
  EXPECT_EQ(status.data, "f\t3\t1\t2\n");
  EXPECT_EQ(status.server, server.address());
  EXPECT_EQ(client.ask(GMAN_QUERY_ADMIN, "version", 1).data, "OK 1.1.20");
  const Outcome refused = client.ask(GMAN_QUERY_ADMIN, "cancel job H:1", 1);
  EXPECT_EQ(refused.status, GMAN_SERVER_ERROR);
  EXPECT_EQ(refused.data, "ERR UNKNOWN_JOB");
  EXPECT_THAT(refused.message, EndsWith(" refused \"cancel job H:1\": ERR UNKNOWN_JOB"));
  EXPECT_EQ(client.ping().status, GMAN_OK);  // on the first connection, still
  EXPECT_EQ(server.accepted(), 4);
  EXPECT_EQ(gman_counters_get(client.get()).connections, 4u);
}

TEST(gman_abi, gives_up_an_admin_command_by_deadline_and_by_cancel) {
  ScriptedServer server([](Peer& peer) {
    peer.receive_line();
    peer.send_bytes("f\t3\t1\t2\n");  // and no end
    peer.wait_for_close();
  });
  TestClient client(server.address());
  gman_query query{.kind = GMAN_QUERY_ADMIN, .server = 1, .text = {"status", 6}, .deadline_ms = 50};
  const Outcome late = client.finish(gman_start_query(client.get(), &query));
  EXPECT_EQ(late.status, GMAN_DEADLINE);
  EXPECT_EQ(late.message, "no answer from " + server.address() + " within 50 ms");
  query.deadline_ms = 0;
  const Outcome cancelled =
      client.finish(gman_start_query(client.get(), &query), [] { return true; });
  EXPECT_EQ(cancelled.status, GMAN_CANCELLED);
  server.wait_until_idle();
}

TEST(gman_abi, refuses_questions_that_are_none) {
  TestClient client(dead_address());
  const auto message = [&](const gman_query& query) {
    EXPECT_EQ(gman_start_query(client.get(), &query), GMAN_INVALID_ARGUMENT);
    return std::string(gman_error_get(client.get())->message);
  };
  EXPECT_EQ(message({.kind = 4, .server = 0, .text = {}, .deadline_ms = 0}),
            "kind is none of gman_query_kind");
  EXPECT_EQ(message({.kind = GMAN_QUERY_PING, .server = 0, .text = {"x", 1}, .deadline_ms = 0}),
            "a ping has no text");
  EXPECT_EQ(message({.kind = GMAN_QUERY_STATUS, .server = 0, .text = {}, .deadline_ms = 0}),
            "job handle is empty");
  EXPECT_EQ(
      message({.kind = GMAN_QUERY_ADMIN, .server = 0, .text = {nullptr, 1}, .deadline_ms = 0}),
      "text is NULL with a size");
  EXPECT_EQ(message({.kind = GMAN_QUERY_PING, .server_timeout_ms = -1}),
            "server_timeout_ms must not be negative");
  EXPECT_EQ(message({.kind = GMAN_QUERY_PING, .server = 0, .text = {}, .deadline_ms = -1}),
            "deadline_ms must not be negative");
}

// ---- What is known

TEST(gman_abi, knows_of_each_server_whether_it_is_connected_or_cooling_off_and_why) {
  ScriptedServer server(well_behaved);
  const std::string down = dead_address();
  const std::string list = down + "," + server.address();
  gman_settings settings = settings_for(list.c_str());
  settings.retry_after_ms = 60'000;
  TestClient client(settings);
  ASSERT_EQ(gman_server_count(client.get()), 2u);
  gman_server_data known;
  for (const std::size_t number : {1, 2}) {
    ASSERT_EQ(gman_server_get(client.get(), number, &known), GMAN_OK);
    EXPECT_EQ(known.name, number == 1 ? down : server.address());
    EXPECT_EQ(known.connected, 0);
    EXPECT_EQ(known.cooling_off_ms, 0);
    EXPECT_STREQ(known.last_error, "");
  }
  EXPECT_EQ(client.ping().status, GMAN_OK);
  ASSERT_EQ(gman_server_get(client.get(), 1, &known), GMAN_OK);
  EXPECT_EQ(known.connected, 0);
  EXPECT_GT(known.cooling_off_ms, 0);
  EXPECT_LE(known.cooling_off_ms, 60'000);
  EXPECT_STREQ(known.last_error, "connection refused");
  ASSERT_EQ(gman_server_get(client.get(), 2, &known), GMAN_OK);
  EXPECT_EQ(known.connected, 1);
  EXPECT_EQ(known.cooling_off_ms, 0);

  ScriptedServer revived(well_behaved, static_cast<std::uint16_t>(std::stoi(down.substr(10))));
  EXPECT_EQ(client.ask(GMAN_QUERY_PING, "", 1).status, GMAN_OK);  // asked although it cools off
  ASSERT_EQ(gman_server_get(client.get(), 1, &known), GMAN_OK);
  EXPECT_EQ(known.cooling_off_ms, 0);
  EXPECT_STREQ(known.last_error, "");
  for (const std::size_t number : {0, 3}) {
    EXPECT_EQ(gman_server_get(client.get(), number, &known), GMAN_INVALID_ARGUMENT);
    EXPECT_STREQ(known.name, "");
  }
}

TEST(gman_abi, counts_connections_and_jobs) {
  ScriptedServer server(well_behaved);
  TestClient client(server.address());
  const auto counted = [&] {
    const gman_counters counters = gman_counters_get(client.get());
    return std::vector{counters.connections, counters.jobs_sent, counters.jobs_failed};
  };
  EXPECT_EQ(counted(), (std::vector<std::uint64_t>{0, 0, 0}));
  client.foreground({.function = "reverse"});
  client.background({.function = "f"});
  client.ping();
  EXPECT_EQ(counted(), (std::vector<std::uint64_t>{1, 2, 0}));
  client.background({.function = ""});  // refused here, so it was no job
  EXPECT_EQ(counted(), (std::vector<std::uint64_t>{1, 2, 0}));
  const std::string down = dead_address();
  const gman_settings settings = settings_for(down.c_str());
  ASSERT_EQ(gman_client_configure(client.get(), &settings), GMAN_OK);
  client.background({.function = "f"});
  client.run("f", {"a", "b"});
  EXPECT_EQ(counted(), (std::vector<std::uint64_t>{1, 2, 3}));
}

TEST(gman_abi, passes_function_unique_workload_and_priority_on_unchanged) {
  std::string seen;
  ScriptedServer server([&](Peer& peer) {
    while (const auto request = peer.receive_job()) {
      const auto& job = std::get<SubmitJob>(*request);
      seen.append(job.function).append("|").append(job.unique).append("|").append(job.workload);
      seen.append(job.priority == Priority::high ? "|high\n" : "|low\n");
      peer.send(JobCreated{"H:1"});
    }
  });
  TestClient client(server.address());
  using namespace std::string_view_literals;
  const JobText high{
      .function = "f", .workload = "\0\xff"sv, .unique = "key", .priority = GMAN_PRIORITY_HIGH};
  const JobText low{.function = "gr\xc3\xb6\xc3\x9f\x65", .priority = GMAN_PRIORITY_LOW};
  EXPECT_EQ(client.background(high).status, GMAN_OK);
  EXPECT_EQ(client.background(low).status, GMAN_OK);
  EXPECT_EQ(seen, "f|key|\0\xff|high\ngr\xc3\xb6\xc3\x9f\x65|||low\n"sv);
}

TEST(gman_abi, makes_a_hundred_calls_over_one_connection) {
  ScriptedServer server(well_behaved);
  TestClient client(server.address());
  for (int i = 0; i < 100; ++i) {
    const Outcome outcome = client.foreground({.function = "reverse", .workload = "abc"});
    ASSERT_EQ(outcome.status, GMAN_OK) << outcome.message;
    ASSERT_EQ(outcome.data, "cba");
  }
  EXPECT_EQ(server.accepted(), 1);
}

TEST(gman_abi, speaks_over_a_unix_socket) {
  const std::string path = testing::TempDir() + "gman_abi_" + std::to_string(::getpid());
  {
    ScriptedServer server(well_behaved, path);
    TestClient client("unix:" + path);
    const Outcome outcome = client.foreground({.function = "reverse", .workload = "Hello"});
    EXPECT_EQ(outcome.data, "olleH") << outcome.message;
    EXPECT_EQ(outcome.server, "unix:" + path);
  }
  ::unlink(path.c_str());
  EXPECT_EQ(TestClient("unix:" + path).ping().message,
            "no job server reachable: unix:" + path + " (no such file or directory) after 0 ms");
}

TEST(gman_abi, tries_each_address_of_localhost) {
  ScriptedServer server(well_behaved);  // on 127.0.0.1 only
  TestClient client("localhost:" + std::to_string(server.port()));
  const Outcome outcome = client.ping();
  EXPECT_EQ(outcome.status, GMAN_OK) << outcome.message;
}

TEST(gman_abi, carries_a_workload_and_a_result_of_the_largest_size) {
  ScriptedServer server([](Peer& peer) {
    const auto request = peer.receive_job();
    if (!request) return;
    const std::string workload{std::get<SubmitJob>(*request).workload};
    peer.send(JobCreated{"H:1"});
    peer.send(WorkComplete{"H:1", workload});
    peer.wait_for_close();
  });
  TestClient client(server.address());
  std::string workload(GMAN_WORKLOAD_BYTES_MAX, 'w');
  workload.front() = '<';
  workload.back() = '>';
  const Outcome outcome = client.foreground({.function = "echo", .workload = workload});
  EXPECT_EQ(outcome.status, GMAN_OK) << outcome.message;
  EXPECT_TRUE(outcome.data == workload) << outcome.data.size();
}

TEST(gman_abi, refuses_a_workload_above_the_limit_without_opening_a_connection) {
  ScriptedServer server(well_behaved);
  TestClient client(server.address());
  const std::string workload(GMAN_WORKLOAD_BYTES_MAX + 1, 'w');
  const Outcome outcome = client.background({.function = "f", .workload = workload});
  EXPECT_EQ(outcome.status, GMAN_INVALID_ARGUMENT);
  EXPECT_EQ(outcome.message, "workload of 67108865 bytes is above the limit of 67108864 bytes");
  EXPECT_EQ(server.accepted(), 0);
}

TEST(gman_abi, serves_two_hundred_clients_of_one_process_at_once) {
  ScriptedServer server(well_behaved);
  constexpr int clients_count = 200;
  std::vector<std::unique_ptr<TestClient>> clients;
  std::vector<gman_status> started;
  for (int i = 0; i < clients_count; ++i) {
    clients.push_back(std::make_unique<TestClient>(server.address()));
    started.push_back(clients.back()->start({.function = "reverse", .workload = "ab"}, false));
  }
  for (int i = 0; i < clients_count; ++i) {
    const Outcome outcome = clients[i]->finish(started[i]);
    ASSERT_EQ(outcome.data, "ba") << outcome.message;
  }
  EXPECT_EQ(server.accepted(), clients_count);
}

TEST(gman_abi, keeps_connections_to_servers_that_stay_in_a_new_list) {
  ScriptedServer server(well_behaved);
  ScriptedServer other(well_behaved);
  TestClient client(server.address());
  ASSERT_EQ(client.ping().status, GMAN_OK);

  const std::string longer = dead_address() + "," + server.address();
  gman_settings settings = settings_for(longer.c_str());
  ASSERT_EQ(gman_client_configure(client.get(), &settings), GMAN_OK);
  EXPECT_EQ(client.ping().server, server.address());
  EXPECT_EQ(server.accepted(), 1);

  settings.servers = other.address().c_str();
  ASSERT_EQ(gman_client_configure(client.get(), &settings), GMAN_OK);
  EXPECT_EQ(client.ping().server, other.address());
}

// ---- The caller's mistakes

TEST(gman_abi, says_that_no_server_is_configured) {
  for (const char* servers : {static_cast<const char*>(nullptr), "", " "}) {
    gman_settings settings = settings_for("");
    settings.servers = servers;
    const Outcome outcome = TestClient(settings).ping();
    EXPECT_EQ(outcome.status, GMAN_NO_SERVERS);
    EXPECT_EQ(outcome.message, "no job server is configured");
  }
}

TEST(gman_abi, explains_wrong_settings_in_the_callers_buffer) {
  const auto reason = [](auto change) {
    gman_settings settings = settings_for("a");
    change(settings);
    std::array<char, 100> message{};
    EXPECT_EQ(gman_client_new(&settings, message.data(), message.size()), nullptr);
    return std::string(message.data());
  };
  EXPECT_EQ(reason([](auto& s) { s.servers = "a,b:x"; }),
            "server \"b:x\": the port must be a number from 1 to 65535");
  EXPECT_EQ(reason([](auto& s) { s.connect_timeout_ms = 0; }),
            "connect_timeout_ms must be at least 1");
  EXPECT_EQ(reason([](auto& s) { s.deadline_ms = -1; }), "deadline_ms must not be negative");
  EXPECT_EQ(reason([](auto& s) { s.answer_timeout_ms = -1; }),
            "answer_timeout_ms must not be negative");
  EXPECT_EQ(reason([](auto& s) { s.retry_after_ms = -1; }), "retry_after_ms must not be negative");
  EXPECT_EQ(reason([](auto& s) { s.jobs_in_flight = GMAN_JOBS_IN_FLIGHT_MAX + 1; }),
            "jobs_in_flight of 1001 is above the limit of 1000");
  EXPECT_EQ(reason([](auto& s) { s.workload_bytes_max = GMAN_WORKLOAD_BYTES_MAX + 1; }),
            "workload_bytes_max of 67108865 is above the limit of 67108864");
}

TEST(gman_abi, checks_a_server_list_without_a_client_and_cuts_the_reason_to_fit) {
  std::array<char, 100> message{};
  EXPECT_EQ(gman_servers_check("a,[::1]:2,unix:/s", message.data(), message.size()), GMAN_OK);
  EXPECT_STREQ(message.data(), "");
  EXPECT_EQ(gman_servers_check("a,,b", message.data(), message.size()), GMAN_INVALID_ARGUMENT);
  EXPECT_STREQ(message.data(), "server 2 of the list is empty");
  std::array<char, 9> narrow;
  narrow.fill('x');
  EXPECT_EQ(gman_servers_check("a,,b", narrow.data(), narrow.size()), GMAN_INVALID_ARGUMENT);
  EXPECT_STREQ(narrow.data(), "server 2");
  EXPECT_EQ(gman_servers_check("a,,b", nullptr, 0), GMAN_INVALID_ARGUMENT);
}

TEST(gman_abi, tells_whether_a_list_is_within_another) {
  std::array<char, 100> message{};
  EXPECT_EQ(gman_servers_within("a:4730", "b,a", message.data(), message.size()), GMAN_OK);
  EXPECT_STREQ(message.data(), "");
  EXPECT_EQ(gman_servers_within(nullptr, nullptr, message.data(), message.size()), GMAN_OK);
  EXPECT_EQ(gman_servers_within("c", "b,a", message.data(), message.size()), GMAN_INVALID_ARGUMENT);
  EXPECT_STREQ(message.data(), "server \"c\" is not among them");
}

TEST(gman_abi, checks_a_job_as_a_submit_would_and_sends_nothing) {
  gman_settings settings = settings_for("unix:/nowhere");
  settings.workload_bytes_max = 4;
  std::array<char, 100> message{};
  gman_client* client = gman_client_new(&settings, message.data(), message.size());
  ASSERT_NE(client, nullptr);
  gman_job job{.function = {"f", 1}, .workload = {"1234", 4}, .background = 1};
  EXPECT_EQ(gman_job_check(client, &job), GMAN_OK);
  job.workload.data = "12345";
  job.workload.size = 5;
  EXPECT_EQ(gman_job_check(client, &job), GMAN_INVALID_ARGUMENT);
  EXPECT_STREQ(gman_error_get(client)->message,
               "workload of 5 bytes is above the limit of 4 bytes");
  job.priority = 17;
  EXPECT_EQ(gman_job_check(client, &job), GMAN_INVALID_ARGUMENT);
  EXPECT_STREQ(gman_error_get(client)->message,
               "priority is none of GMAN_PRIORITY_NORMAL, _HIGH and _LOW");
  gman_client_free(client);
}

TEST(gman_abi, keeps_the_old_settings_when_new_ones_are_wrong) {
  ScriptedServer server(well_behaved);
  TestClient client(server.address());
  gman_settings wrong = settings_for("a,,b");
  EXPECT_EQ(gman_client_configure(client.get(), &wrong), GMAN_INVALID_ARGUMENT);
  EXPECT_STREQ(gman_error_get(client.get())->message, "server 2 of the list is empty");
  EXPECT_EQ(client.ping().status, GMAN_OK);
}

TEST(gman_abi, refuses_arguments_that_contradict_themselves) {
  TestClient client("a");
  const auto message_for = [&](auto change) {
    gman_job job{{"f", 1}, {nullptr, 0}, {nullptr, 0}, GMAN_PRIORITY_NORMAL, 1, 0, {}, 0};
    change(job);
    EXPECT_EQ(gman_start_job(client.get(), &job), GMAN_INVALID_ARGUMENT);
    return std::string(gman_error_get(client.get())->message);
  };
  EXPECT_EQ(message_for([](auto& job) {
              job.workload = {nullptr, 5};
            }),
            "workload is NULL with a size");
  EXPECT_EQ(message_for([](auto& job) { job.function = {nullptr, 0}; }), "function name is empty");
  EXPECT_EQ(message_for([](auto& job) { job.deadline_ms = -1; }),
            "deadline_ms must not be negative");
  EXPECT_EQ(message_for([](auto& job) { job.priority = 3; }),
            "priority is none of GMAN_PRIORITY_NORMAL, _HIGH and _LOW");
  EXPECT_EQ(client.status("").message, "job handle is empty");
}

TEST(gman_abi, refuses_a_second_call_while_one_is_running_and_does_not_disturb_it) {
  ScriptedServer server(well_behaved);
  TestClient client(server.address());
  const gman_status started = client.start({.function = "reverse", .workload = "ab"}, false);
  ASSERT_EQ(started, GMAN_AGAIN);
  EXPECT_EQ(gman_start_ping(client.get()), GMAN_INTERNAL_ERROR);
  EXPECT_STREQ(gman_error_get(client.get())->message, "a call of this client is running");
  const gman_settings settings = settings_for(server.address().c_str());
  EXPECT_EQ(gman_client_configure(client.get(), &settings), GMAN_INTERNAL_ERROR);
  EXPECT_EQ(client.finish(started).data, "ba");
}

TEST(gman_abi, answers_before_the_first_call_and_between_calls) {
  ScriptedServer server(well_behaved);
  TestClient client(server.address());
  EXPECT_EQ(gman_result(client.get())->data.size, 0u);
  EXPECT_EQ(gman_result(client.get())->server, nullptr);
  EXPECT_EQ(gman_error_get(client.get())->status, GMAN_OK);
  EXPECT_STREQ(gman_error_get(client.get())->message, "");
  EXPECT_STREQ(gman_error_get(client.get())->hint, "");
  EXPECT_EQ(gman_timeout_ms(client.get()), -1);
  EXPECT_EQ(gman_step(client.get()), GMAN_OK);
  gman_cancel_call(client.get());
  EXPECT_EQ(gman_error_get(client.get())->status, GMAN_OK);

  const int fd = gman_fd(client.get());
  EXPECT_EQ(client.background({.function = ""}).status, GMAN_INVALID_ARGUMENT);
  EXPECT_EQ(gman_step(client.get()), GMAN_INVALID_ARGUMENT);
  EXPECT_EQ(client.ping().status, GMAN_OK);
  EXPECT_EQ(gman_fd(client.get()), fd);
  gman_client_free(nullptr);
}

TEST(gman_abi, rounds_the_wait_up_so_that_a_caller_never_spins) {
  ScriptedServer server([](Peer& peer) { peer.wait_for_close(); });
  TestClient client(server.address());
  ASSERT_EQ(client.start({.function = "f", .deadline_ms = 20}, true), GMAN_AGAIN);
  int waits = 0;
  gman_status status = GMAN_AGAIN;
  for (; status == GMAN_AGAIN; ++waits) {
    const int timeout_ms = gman_timeout_ms(client.get());
    ASSERT_GE(timeout_ms, 0);
    ASSERT_LE(timeout_ms, 20);
    pollfd waiting{.fd = gman_fd(client.get()), .events = POLLIN, .revents = 0};
    ::poll(&waiting, 1, timeout_ms);
    status = gman_step(client.get());
  }
  EXPECT_EQ(status, GMAN_DEADLINE);
  EXPECT_LE(waits, 5);
}

TEST(gman_abi, names_each_status_and_its_version) {
  EXPECT_STREQ(gman_status_name(GMAN_OK), "GMAN_OK");
  EXPECT_STREQ(gman_status_name(GMAN_INTERNAL_ERROR), "GMAN_INTERNAL_ERROR");
  EXPECT_STREQ(gman_status_name(static_cast<gman_status>(99)), "unknown gman_status");
  EXPECT_STREQ(gman_library_version(), GMAN_VERSION);
}

}  // namespace
}  // namespace gman::test
