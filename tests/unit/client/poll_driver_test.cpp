// SPDX-License-Identifier: BSD-3-Clause
#include "client/blocking/poll_driver.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/time.h>

#include <chrono>
#include <stdexcept>

#include "tests/unit/client/scripted_server.hpp"
#include "tests/unit/client/test_client.hpp"

namespace gman::test {
namespace {

using namespace std::chrono_literals;

void silent(Peer& peer) {
  peer.wait_for_close();
}

gman_status start_waiting(TestClient& client, int deadline_ms = 0) {
  return client.start({.function = "f", .deadline_ms = deadline_ms}, false);
}

TEST(poll_driver, ends_the_call_when_the_interrupt_says_so) {
  ScriptedServer server(silent);
  TestClient client(server.address());
  int asked = 0;
  const auto status = drive(
      client.get(), start_waiting(client), [&] { return ++asked == 3; }, 5ms);
  EXPECT_EQ(status, GMAN_CANCELLED);
  EXPECT_EQ(asked, 3);
  EXPECT_EQ(gman_error_get(client.get())->status, GMAN_CANCELLED);
}

TEST(poll_driver, asks_at_least_once_in_every_slice) {
  ScriptedServer server(silent);
  TestClient client(server.address());
  int asked = 0;
  const auto count = [&] {
    ++asked;
    return false;
  };
  EXPECT_EQ(drive(client.get(), start_waiting(client, 100), count, 5ms), GMAN_DEADLINE);
  EXPECT_GE(asked, 5);  // twenty slices, on a machine that may be busy
}

TEST(poll_driver, needs_no_interrupt_to_end_at_the_deadline) {
  ScriptedServer server(silent);
  TestClient client(server.address());
  EXPECT_EQ(drive(client.get(), start_waiting(client, 20), {}), GMAN_DEADLINE);
}

TEST(poll_driver, returns_at_once_what_had_ended_at_its_start) {
  TestClient client("");
  EXPECT_EQ(drive(client.get(), gman_start_ping(client.get()), [] { return true; }),
            GMAN_NO_SERVERS);
}

TEST(poll_driver, ends_the_call_when_the_interrupt_throws) {
  ScriptedServer server(silent);
  TestClient client(server.address());
  const auto fail = []() -> bool { throw std::runtime_error("killed"); };
  EXPECT_THROW(drive(client.get(), start_waiting(client), fail), std::runtime_error);
  EXPECT_EQ(gman_error_get(client.get())->status, GMAN_CANCELLED);
}

TEST(poll_driver, goes_on_after_a_signal) {
  ScriptedServer server(silent);
  TestClient client(server.address());
  struct sigaction old {};
  struct sigaction handled {};
  static volatile sig_atomic_t signals = 0;
  handled.sa_handler = [](int) { signals = signals + 1; };
  ASSERT_EQ(::sigaction(SIGALRM, &handled, &old), 0);  // without SA_RESTART
  const itimerval every_ms{{0, 1000}, {0, 1000}};
  ASSERT_EQ(::setitimer(ITIMER_REAL, &every_ms, nullptr), 0);
  const auto started = std::chrono::steady_clock::now();
  const gman_status status = drive(client.get(), start_waiting(client, 50), {});
  const auto took = std::chrono::steady_clock::now() - started;
  const itimerval never{};
  ::setitimer(ITIMER_REAL, &never, nullptr);
  ::sigaction(SIGALRM, &old, nullptr);
  EXPECT_EQ(status, GMAN_DEADLINE);
  EXPECT_GE(took, 50ms);
  EXPECT_GT(signals, 0);
}

}  // namespace
}  // namespace gman::test
