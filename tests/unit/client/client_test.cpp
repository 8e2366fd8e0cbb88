// SPDX-License-Identifier: BSD-3-Clause
#include <gman/client.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/unit/client/scripted_server.hpp"

namespace gman::test {
namespace {

using testing::HasSubstr;

TEST(client, runs_jobs_and_pings) {
  ScriptedServer server(well_behaved);
  Client client({.servers = server.address()});
  const auto answer = client.run({.function = "reverse", .workload = "Hello"});
  ASSERT_TRUE(std::holds_alternative<JobAnswer>(answer)) << std::get<Error>(answer).message;
  EXPECT_EQ(std::get<JobAnswer>(answer).data, "olleH");
  EXPECT_EQ(std::get<JobAnswer>(answer).handle, "H:test:1");
  EXPECT_EQ(std::get<JobAnswer>(answer).server, server.address());

  const auto queued = client.run({.function = "reverse", .background = true});
  EXPECT_EQ(std::get<JobAnswer>(queued).handle, "H:test:2");
  const auto ping = client.ping();
  EXPECT_EQ(std::get<PingAnswer>(ping).server, server.address());
  EXPECT_GT(std::get<PingAnswer>(ping).round_trip_ms, 0);
  EXPECT_EQ(server.accepted(), 1);
}

TEST(client, sends_each_priority) {
  std::vector<Priority> seen;
  ScriptedServer server([&](Peer& peer) {
    while (const auto request = peer.receive_job()) {
      seen.push_back(std::get<SubmitJob>(*request).priority);
      peer.send(JobCreated{"H:1"});
    }
  });
  Client client({.servers = server.address()});
  for (const auto priority : {JobPriority::high, JobPriority::normal, JobPriority::low}) {
    const auto answer = client.run({.function = "f", .priority = priority, .background = true});
    EXPECT_TRUE(std::holds_alternative<JobAnswer>(answer));
  }
  EXPECT_THAT(seen, testing::ElementsAre(Priority::high, Priority::normal, Priority::low));
}

TEST(client, returns_errors_as_values) {
  Client client({.servers = dead_address()});
  const auto answer = client.run({.function = "f"});
  ASSERT_TRUE(std::holds_alternative<Error>(answer));
  EXPECT_EQ(std::get<Error>(answer).code, client_errc::unreachable);
  EXPECT_THAT(std::get<Error>(answer).message, HasSubstr("connection refused"));
  EXPECT_EQ(std::get<Error>(answer).hint, "start gmand, or correct the list of servers");
  EXPECT_EQ(std::get<Error>(client.ping()).code, client_errc::unreachable);
}

TEST(client, throws_for_wrong_settings_with_the_reason) {
  try {
    Client client({.servers = "a,,b"});
    FAIL() << "no exception";
  } catch (const std::invalid_argument& reason) {
    EXPECT_STREQ(reason.what(), "server 2 of the list is empty");
  }
}

TEST(client, is_cancelled_by_its_interrupt) {
  ScriptedServer server([](Peer& peer) { peer.wait_for_close(); });
  Client client({.servers = server.address()});
  client.set_interrupt([] { return true; });
  const auto answer = client.run({.function = "f"});
  EXPECT_EQ(std::get<Error>(answer).code, client_errc::cancelled);
}

}  // namespace
}  // namespace gman::test
