// SPDX-License-Identifier: BSD-3-Clause
#include "tests/mysql/host/host.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <new>
#include <system_error>

#include "tests/mysql/host/call.hpp"

using host::Call;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

/// Allocations of this program and of what it loads fail from now on.
bool is_memory_exhausted = false;

/// Takes connections into its backlog and never answers.
class SilentServer {
 public:
  SilentServer() : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t bytes = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (bind(socket_, any, bytes) != 0 || listen(socket_, 16) != 0 ||
        getsockname(socket_, any, &bytes) != 0) {
      throw std::system_error(errno, std::generic_category(), "a listening socket");
    }
    port_ = ntohs(address.sin_port);
  }
  ~SilentServer() { close(socket_); }
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;

  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  int socket_;
  int port_ = 0;
};

class Host : public testing::Test {
 protected:
  void SetUp() override {
    host::raised.clear();
    host::noted.clear();
    host::is_killed = false;
    host::is_replica = false;
    host::waits = 0;
  }
  void TearDown() override { is_memory_exhausted = false; }

  static void SetUpTestSuite() {
    static const SilentServer server;
    setenv("GMAN_SERVERS", server.address().c_str(), 1);
  }
};

TEST_F(Host, hears_of_an_error_with_code_and_message) {
  Call call(nullptr);
  call.run();
  EXPECT_EQ(call.value, nullptr);
  EXPECT_EQ(call.error, 1);
  if (host::can_raise) {
    ASSERT_EQ(host::raised.size(), 1u);
    EXPECT_EQ(host::raised[0].code, 1644u);
    EXPECT_THAT(host::raised[0].message, HasSubstr("gman_do: the workload"));
  } else {
    EXPECT_THAT(host::raised, IsEmpty());
  }
}

TEST_F(Host, notes_what_the_policy_makes_a_warning_of) {
  Call call(nullptr);
  std::string options = R"({"on_error": "warning"})";
  call.add(options);
  call.run("gman_do_json");
  EXPECT_EQ(call.value, nullptr);
  if (host::can_raise) {
    EXPECT_EQ(call.error, 0);
    EXPECT_EQ(call.is_null, 1);
    ASSERT_EQ(host::noted.size(), 1u);
    EXPECT_EQ(host::noted[0].code, 1644u);
    EXPECT_THAT(host::noted[0].message, HasSubstr("gman_do_json: "));
  }
  EXPECT_THAT(host::raised, IsEmpty());
}

TEST_F(Host, is_asked_in_its_own_way_whether_the_session_was_killed) {
  if (host::kill_code == 0) GTEST_SKIP() << "this host cannot kill";
  host::is_killed = true;
  Call call("w");
  call.run();
  EXPECT_EQ(call.value, nullptr);
  EXPECT_EQ(call.error, 1);
  EXPECT_THAT(host::raised, ElementsAre(host::Raised{host::kill_code, ""}));
}

TEST_F(Host, is_told_that_a_call_waits_and_when_it_no_longer_does) {
  if (!host::hears_of_waits) GTEST_SKIP() << "this host has no pool of threads";
  host::is_killed = true;
  Call call("w");
  call.run();
  EXPECT_EQ(host::waits, 1);
  EXPECT_EQ(host::open_waits, 0);
}

TEST_F(Host, sends_nothing_for_a_session_that_repeats_what_another_server_has_done) {
  if (!host::hears_of_waits) GTEST_SKIP() << "this host cannot be a replica";
  host::is_replica = true;
  Call call("w");
  call.run();
  EXPECT_EQ(call.value, nullptr);
  EXPECT_EQ(call.is_null, 1);
  EXPECT_EQ(call.error, 0);
  EXPECT_EQ(host::waits, 0);
  EXPECT_THAT(host::raised, IsEmpty());
}

TEST_F(Host, remembers_the_last_error_where_sessions_can_be_told_apart) {
  Call(nullptr).run();
  Call call(nullptr);
  call.args.arg_count = 0;
  call.run("gman_last_error");
  if (host::knows_sessions) {
    ASSERT_NE(call.value, nullptr);
    EXPECT_THAT(call.text, HasSubstr("\"function\":\"gman_do\""));
  } else {
    EXPECT_EQ(call.value, nullptr);
    EXPECT_EQ(call.error, 0);
  }
}

TEST_F(Host, gets_an_error_and_no_exception_when_memory_runs_out_in_init) {
  Call call("w");
  const auto init = Call::symbol<Call::Init>("gman_do_init");
  is_memory_exhausted = true;
  const bool failed = init(&call.init, &call.args, call.message) != 0;
  is_memory_exhausted = false;
  EXPECT_TRUE(failed);
  EXPECT_STREQ(call.message, "out of memory");
}

TEST_F(Host, gets_the_error_flag_and_no_exception_when_memory_runs_out_at_a_row) {
  Call call("w");
  ASSERT_EQ(Call::symbol<Call::Init>("gman_do_init")(&call.init, &call.args, call.message), 0);
  const auto row = Call::symbol<Call::Row>("gman_do");
  unsigned long length = 0;
  is_memory_exhausted = true;
  call.value = row(&call.init, &call.args, nullptr, &length, &call.is_null, &call.error);
  is_memory_exhausted = false;
  EXPECT_EQ(call.value, nullptr);
  EXPECT_EQ(call.error, 1);
  Call::symbol<Call::Deinit>("gman_do_deinit")(&call.init);
}

}  // namespace

// Exported by this program, these take the place of libstdc++'s in the loaded object, too. They are
// not inlined: g++ would see only one of a pair become malloc or free, and take them for strangers.
[[gnu::noinline]] void* operator new(std::size_t size) {
  void* memory = is_memory_exhausted ? nullptr : std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
