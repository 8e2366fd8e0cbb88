// SPDX-License-Identifier: BSD-3-Clause
// gman.h against a scripted server on a real socket: what a caller sees when all goes well, and
// what it is told about its own mistakes.
#include <gman/gman.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <array>
#include <string>
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
  client.background({.function = "f"});
  EXPECT_EQ(gman_job_outcomes(client.get(), &count), nullptr);
  EXPECT_EQ(count, 0);
}

TEST(gman_abi, refuses_many_jobs_that_are_not_to_be_in_the_background_or_are_none) {
  TestClient client(dead_address());
  const gman_job_part part{{}, {"w", 1}};
  const auto message = [&](const gman_job& common, std::size_t count) {
    const gman_status status = gman_start_jobs(client.get(), &common, &part, count);
    EXPECT_EQ(status, GMAN_INVALID_ARGUMENT);
    return std::string(gman_error_get(client.get())->message);
  };
  EXPECT_EQ(message({.function = {"f", 1}}, 1), "many jobs are background jobs");
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
  gman_cancel(client.get());
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
