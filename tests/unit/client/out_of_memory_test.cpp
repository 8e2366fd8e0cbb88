// SPDX-License-Identifier: BSD-3-Clause
// Memory that runs out, at each allocation in turn, ends a call and never the process: gman.h lets
// no exception out, and the client is fit for the next call.
#include <gman/gman.h>

#include <gtest/gtest.h>
#include <poll.h>

#include <array>
#include <cstdlib>
#include <limits>
#include <new>
#include <string>
#include <utility>

#include "tests/unit/client/scripted_server.hpp"
#include "tests/unit/client/test_client.hpp"

namespace {

constexpr int unlimited = std::numeric_limits<int>::max();

// How many more allocations of this thread succeed.
thread_local int allocations_left = unlimited;

}  // namespace

// Not inlined, since the compiler takes free() beside a new for a mistake.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  if (allocations_left != unlimited && allocations_left-- <= 0) {
    allocations_left = 0;
    throw std::bad_alloc();
  }
  void* memory = std::malloc(bytes == 0 ? 1 : bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return std::malloc(bytes == 0 ? 1 : bytes);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace gman::test {
namespace {

// Runs `body`, in which only so many allocations succeed.
template <class Body>
auto with_allocations(int count, const Body& body) {
  allocations_left = count;
  const auto result = body();
  allocations_left = unlimited;
  return result;
}

gman_status drive_starved(gman_client* client, int allocations,
                          gman_status (*start)(gman_client*)) {
  allocations_left = allocations;
  gman_status status = start(client);
  while (status == GMAN_AGAIN) {
    const int left = std::exchange(allocations_left, unlimited);
    pollfd waiting{.fd = gman_fd(client), .events = POLLIN, .revents = 0};
    ::poll(&waiting, 1, 1000);
    allocations_left = left;
    status = gman_step(client);
  }
  allocations_left = unlimited;
  return status;
}

// Each number of allocations that is too small, until one is enough.
void starve(const std::string& servers, gman_status expected, gman_status (*start)(gman_client*)) {
  int failures = 0;
  for (int allocations = 0; allocations < 1000; ++allocations) {
    TestClient client(servers);
    const gman_status status = drive_starved(client.get(), allocations, start);
    if (status == expected) {
      EXPECT_GT(failures, 0) << "the test starved nothing";
      return;
    }
    ++failures;
    ASSERT_EQ(status, GMAN_OUT_OF_MEMORY) << "with " << allocations << " allocations";
    ASSERT_STREQ(gman_error_get(client.get())->message, "out of memory in the job client");
    const gman_status again = drive(client.get(), start(client.get()), {});
    ASSERT_EQ(again, expected) << "after a call with " << allocations << " allocations";
  }
  FAIL() << "a call takes more than 1000 allocations";
}

TEST(out_of_memory, ends_a_foreground_job_and_spares_the_next_call) {
  ScriptedServer server(well_behaved);
  starve(server.address(), GMAN_OK, [](gman_client* client) {
    const gman_job job{{"reverse", 7}, {"u", 1}, {"Hello", 5}, GMAN_PRIORITY_NORMAL, 0, 0, {}, 0};
    return gman_start_job(client, &job);
  });
}

TEST(out_of_memory, ends_many_foreground_jobs_and_spares_the_next_call) {
  ScriptedServer server(well_behaved);
  starve(server.address(), GMAN_OK, [](gman_client* client) {
    const gman_job common{.function = {"reverse", 7}};
    constexpr std::string_view workload = "a workload that has to be allocated";
    const gman_job_part job{{}, {workload.data(), workload.size()}};
    const gman_job_part named{{"a unique that has to be allocated", 33}, {"Hello", 5}};
    const std::array parts{job, named, job, named, job};
    return gman_start_jobs(client, &common, parts.data(), parts.size());
  });
}

TEST(out_of_memory, ends_an_admin_command_and_spares_the_next_call) {
  ScriptedServer server([](Peer& peer) {
    if (peer.receive_line()) peer.send_bytes("a_function_with_a_long_name\t1\t0\t1\n.\n");
    peer.wait_for_close();
  });
  starve(server.address(), GMAN_OK, [](gman_client* client) {
    const gman_query query{
        .kind = GMAN_QUERY_ADMIN, .server = 1, .text = {"status", 6}, .deadline_ms = 0};
    return gman_start_query(client, &query);
  });
}

TEST(out_of_memory, ends_a_call_that_looks_names_up_and_fails) {
  starve("localhost:1,unix:/nonexistent", GMAN_UNREACHABLE,
         [](gman_client* client) { return gman_start_ping(client); });
}

TEST(out_of_memory, leaves_settings_usable) {
  ScriptedServer server(well_behaved);
  const std::string longer = "unix:/nonexistent," + server.address();
  const gman_settings settings = settings_for(longer.c_str());
  bool is_enough = false;
  for (int allocations = 0; !is_enough; ++allocations) {
    ASSERT_LT(allocations, 1000);
    TestClient client(server.address());
    ASSERT_EQ(client.ping().status, GMAN_OK);
    const gman_status status = with_allocations(
        allocations, [&] { return gman_client_configure(client.get(), &settings); });
    is_enough = status == GMAN_OK;
    if (!is_enough) {
      ASSERT_EQ(status, GMAN_OUT_OF_MEMORY);
    }
    ASSERT_EQ(client.ping().status, GMAN_OK) << "with " << allocations << " allocations";
  }
}

TEST(out_of_memory, makes_no_client_and_says_why) {
  const gman_settings settings = settings_for("a:1,b:2");
  std::array<char, 100> message{};
  gman_client* client = nullptr;
  for (int allocations = 0; client == nullptr; ++allocations) {
    ASSERT_LT(allocations, 1000);
    client = with_allocations(
        allocations, [&] { return gman_client_new(&settings, message.data(), message.size()); });
    if (client == nullptr) {
      ASSERT_STREQ(message.data(), "out of memory");
    }
  }
  gman_client_free(client);
}

}  // namespace
}  // namespace gman::test
