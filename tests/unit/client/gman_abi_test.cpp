// SPDX-License-Identifier: BSD-3-Clause
// gman.h against a scripted server on a real socket: what a caller sees.
#include <gman/gman.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/client/scripted_server.hpp"
#include "tests/unit/client/test_client.hpp"

namespace gman::test {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

/// Runs "reverse" at once and acknowledges background jobs, for as long as the client asks.
void well_behaved(Peer& peer) {
  int jobs = 0;
  while (const auto request = peer.receive_job()) {
    if (const auto* job = std::get_if<SubmitJob>(&*request)) {
      const std::string handle = "H:test:" + std::to_string(++jobs);
      peer.send(JobCreated{handle});
      if (job->mode == JobMode::background) continue;
      peer.send(WorkComplete{handle, std::string(job->workload.rbegin(), job->workload.rend())});
    } else if (const auto* echo = std::get_if<EchoReq>(&*request)) {
      peer.send(EchoRes{echo->data});
    } else if (const auto* status = std::get_if<GetStatus>(&*request)) {
      peer.send(StatusRes{status->handle, true, true, 40, 100});
    }
  }
}

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

}  // namespace
}  // namespace gman::test
