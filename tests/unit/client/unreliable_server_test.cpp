// SPDX-License-Identifier: BSD-3-Clause
// gman.h against servers that are down, hung, slow, lying or gone.
#include <gman/gman.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <string>

#include "tests/unit/client/scripted_server.hpp"
#include "tests/unit/client/test_client.hpp"

namespace gman::test {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;

constexpr std::string_view fate_unknown = "its fate is unknown";

// ---- Down

TEST(unreliable_server, that_is_down_is_named_with_the_reason_and_the_time_it_took) {
  const std::string down = dead_address();
  const Outcome outcome =
      TestClient(down + ",unix:/nonexistent/gmand").background({.function = "f"});
  EXPECT_EQ(outcome.status, GMAN_UNREACHABLE);
  EXPECT_THAT(outcome.message,
              MatchesRegex("no job server reachable: 127.0.0.1:[0-9]+ \\(connection refused\\), "
                           "unix:/nonexistent/gmand \\(no such file or directory\\) after "
                           "[0-9]+ ms"));
  EXPECT_EQ(outcome.hint, "start gmand, or correct the list of servers");
  EXPECT_EQ(outcome.server, "");
}

TEST(unreliable_server, that_is_down_is_passed_over_for_the_next) {
  ScriptedServer second(well_behaved);
  TestClient client(dead_address() + "," + second.address());
  const Outcome outcome = client.background({.function = "f"});
  EXPECT_EQ(outcome.status, GMAN_OK) << outcome.message;
  EXPECT_EQ(outcome.server, second.address());
}

TEST(unreliable_server, that_failed_is_left_alone_until_retry_after_has_passed) {
  const std::string first_address = dead_address();
  const auto port = static_cast<std::uint16_t>(std::stoi(first_address.substr(10)));
  ScriptedServer second(well_behaved);
  const std::string list = first_address + "," + second.address();
  gman_settings settings = settings_for(list.c_str());
  settings.retry_after_ms = 60'000;
  TestClient client(settings);
  EXPECT_EQ(client.ping().server, second.address());

  ScriptedServer first(well_behaved, port);
  EXPECT_EQ(client.ping().server, second.address());
  EXPECT_EQ(first.accepted(), 0);

  settings.retry_after_ms = 0;
  ASSERT_EQ(gman_client_configure(client.get(), &settings), GMAN_OK);
  EXPECT_EQ(client.ping().server, first.address());
}

TEST(unreliable_server, is_tried_again_at_once_when_there_is_no_other) {
  const std::string address = dead_address();
  TestClient client(address);
  EXPECT_EQ(client.ping().status, GMAN_UNREACHABLE);
  ScriptedServer server(well_behaved, static_cast<std::uint16_t>(std::stoi(address.substr(10))));
  EXPECT_EQ(client.ping().status, GMAN_OK);
}

TEST(unreliable_server, whose_name_cannot_be_resolved_is_named_with_the_reason) {
  const std::string host = std::string(64, 'x') + ".invalid";  // no label may be so long
  const Outcome outcome = TestClient(host).ping();
  EXPECT_EQ(outcome.status, GMAN_UNREACHABLE);
  EXPECT_THAT(outcome.message, HasSubstr(host + " (cannot resolve \"" + host + "\": "));
}

// ---- Hung

// Its connections are made by the kernel, but nobody ever accepts them.
class HungServer {
 public:
  HungServer() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t bytes = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(fd_.get(), raw, bytes), 0);
    EXPECT_EQ(::listen(fd_.get(), 8), 0);
    EXPECT_EQ(::getsockname(fd_.get(), raw, &bytes), 0);
    address_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  [[nodiscard]] const std::string& address() const { return address_; }

 private:
  UniqueFd fd_;
  std::string address_;
};

TEST(unreliable_server, that_is_hung_may_have_the_job_so_its_fate_is_unknown) {
  HungServer hung;
  gman_settings settings = settings_for(hung.address().c_str());
  settings.connect_timeout_ms = 50;
  const Outcome outcome = TestClient(settings).background({.function = "f"});
  EXPECT_EQ(outcome.status, GMAN_CONNECTION_LOST);
  EXPECT_THAT(outcome.message, HasSubstr("no answer within 50 ms"));
  EXPECT_THAT(outcome.message, EndsWith(std::string(fate_unknown)));
}

TEST(unreliable_server, that_is_hung_is_passed_over_when_there_is_another) {
  HungServer hung;
  ScriptedServer second(well_behaved);
  const std::string list = hung.address() + "," + second.address();
  gman_settings settings = settings_for(list.c_str());
  settings.connect_timeout_ms = 50;
  const Outcome outcome = TestClient(settings).background({.function = "f"});
  EXPECT_EQ(outcome.status, GMAN_OK) << outcome.message;
  EXPECT_EQ(outcome.server, second.address());
}

TEST(unreliable_server, that_is_hung_is_passed_over_in_the_time_that_a_question_gives_to_each) {
  HungServer hung;
  ScriptedServer mute([](Peer& peer) {
    peer.receive_job();
    peer.wait_for_close();
  });
  ScriptedServer third(well_behaved);
  const std::string list = hung.address() + "," + mute.address() + "," + third.address();
  gman_settings settings = settings_for(list.c_str());
  settings.connect_timeout_ms = 600'000;
  settings.answer_timeout_ms = 0;
  TestClient client(settings);
  const gman_query query{.kind = GMAN_QUERY_PING, .server_timeout_ms = 50};
  const Outcome outcome = client.finish(gman_start_query(client.get(), &query));
  EXPECT_EQ(outcome.status, GMAN_OK) << outcome.message;
  EXPECT_EQ(outcome.server, third.address());
}

TEST(unreliable_server, that_does_not_answer_is_given_up_after_answer_timeout) {
  ScriptedServer server([](Peer& peer) {
    peer.receive_job();
    peer.wait_for_close();
  });
  gman_settings settings = settings_for(server.address().c_str());
  settings.answer_timeout_ms = 50;
  const Outcome outcome = TestClient(settings).background({.function = "f"});
  EXPECT_EQ(outcome.status, GMAN_CONNECTION_LOST);
  EXPECT_THAT(outcome.message, HasSubstr("no answer within 50 ms"));
}

TEST(unreliable_server, or_rather_no_worker_lets_the_deadline_pass_and_says_so) {
  std::promise<bool> closed;
  ScriptedServer server([&](Peer& peer) {
    peer.receive_job();
    peer.send(JobCreated{"H:box:7"});
    const auto request = peer.receive();
    if (!request || !std::holds_alternative<GetStatus>(*request)) return;
    peer.send(StatusRes{"H:box:7", true, false, 0, 0});
    closed.set_value(peer.wait_for_close());
  });
  TestClient client(server.address());
  const Outcome outcome = client.foreground({.function = "nosuch", .deadline_ms = 50});
  EXPECT_EQ(outcome.status, GMAN_DEADLINE);
  EXPECT_EQ(outcome.message,
            "job H:box:7 of function \"nosuch\" did not end within 50 ms: it is queued and no "
            "worker has taken it");
  EXPECT_EQ(outcome.hint, "is a worker for \"nosuch\" connected?");
  // So that the server drops a foreground job for which nobody waits any more.
  EXPECT_TRUE(closed.get_future().get());
}

// ---- Lying

struct Lie {
  const char* name;
  std::function<void(Peer&)> tell;  // after the request was received
  gman_status status;
  const char* message;
};

class LyingServer : public testing::TestWithParam<Lie> {};

TEST_P(LyingServer, is_seen_through) {
  ScriptedServer server([](Peer& peer) {
    if (!peer.receive_job()) return;
    GetParam().tell(peer);
    if (!peer.ended()) peer.wait_for_close();
  });
  gman_settings settings = settings_for(server.address().c_str());
  settings.answer_timeout_ms = 100;
  TestClient client(settings);
  const Outcome outcome = client.background({.function = "f", .workload = "w"});
  EXPECT_EQ(outcome.status, GetParam().status) << outcome.message;
  EXPECT_THAT(outcome.message, HasSubstr(GetParam().message));
}

std::string header(std::string_view magic, char type, std::string_view length) {
  return std::string(magic) + std::string(3, '\0') + type + std::string(length);
}

constexpr std::string_view res{"\0RES", 4};

INSTANTIATE_TEST_SUITE_P(
    lies, LyingServer,
    testing::Values(
        Lie{"wrong_magic",
            [](Peer& peer) {
              peer.send_bytes(header({"\0RAS", 4}, 8, {"\0\0\0\0", 4}));
            },
            GMAN_PROTOCOL_ERROR, "broke the protocol: Not a packet: bad magic"},
        Lie{"request_magic",
            [](Peer& peer) {
              peer.send_bytes(header({"\0REQ", 4}, 8, {"\0\0\0\0", 4}));
            },
            GMAN_PROTOCOL_ERROR, "JOB_CREATED: Response magic expected"},
        Lie{"huge_length",
            [](Peer& peer) {
              peer.send_bytes(header(res, 8, {"\xff\xff\xff\xff", 4}));
            },
            GMAN_PROTOCOL_ERROR, "Packet body announced above the limit of 67174400 bytes"},
        Lie{"length_that_is_never_delivered",
            [](Peer& peer) {
              peer.send_bytes(header(res, 8, {"\x04\0\0\0", 4}) + "H:1");
              peer.close();
            },
            GMAN_CONNECTION_LOST, "connection closed by the server in the middle of an answer"},
        Lie{"half_a_reply_then_silence",
            [](Peer& peer) { peer.send_bytes(bytes_of(JobCreated{"H:1"}).substr(0, 13)); },
            GMAN_CONNECTION_LOST, "no answer within 100 ms"},
        Lie{"reply_to_another_question", [](Peer& peer) { peer.send(EchoRes{"?"}); },
            GMAN_PROTOCOL_ERROR, "unexpected ECHO_RES"},
        Lie{"web_page", [](Peer& peer) { peer.send_bytes("HTTP/1.0 400 Bad Request\r\n\r\n"); },
            GMAN_PROTOCOL_ERROR, "does not speak the Gearman protocol: it sent \"HTTP/1.0 400"},
        Lie{"garbage", [](Peer& peer) { peer.send_bytes("\xff\xfe\n\x80"); }, GMAN_PROTOCOL_ERROR,
            "it sent \"\\xff\\xfe\\n\\x80\""},
        Lie{"refusal",
            [](Peer& peer) {
              peer.send(ErrorRes{"QUEUE_ERROR", "Job queue is full"});
            },
            GMAN_SERVER_ERROR, "QUEUE_ERROR \"Job queue is full\""},
        Lie{"end_of_stream", [](Peer& peer) { peer.close(); }, GMAN_CONNECTION_LOST,
            "connection closed by the server"},
        Lie{"reset", [](Peer& peer) { peer.reset(); }, GMAN_CONNECTION_LOST,
            "connection reset by peer"}),
    [](const auto& lie) { return lie.param.name; });

TEST(unreliable_server, may_send_its_answer_one_byte_at_a_time) {
  ScriptedServer server([](Peer& peer) {
    peer.receive_job();
    const std::string answer = bytes_of(JobCreated{"H:1"}) + bytes_of(WorkData{"H:1", "ol"}) +
                               bytes_of(WorkComplete{"H:1", "leH"});
    for (const char byte : answer) peer.send_bytes({&byte, 1});
    peer.wait_for_close();
  });
  TestClient client(server.address());
  EXPECT_EQ(client.foreground({.function = "reverse", .workload = "Hello"}).data, "olleH");
}

TEST(unreliable_server, that_refuses_before_it_has_read_the_whole_workload_is_quoted) {
  ScriptedServer server([](Peer& peer) {
    peer.send(OptionRes{"exceptions"});
    peer.send(ErrorRes{"ARGUMENT_TOO_LARGE", "Not here"});
    peer.wait_for_close();
  });
  TestClient client(server.address());
  const std::string workload(GMAN_WORKLOAD_BYTES_MAX, 'w');
  const Outcome outcome = client.background({.function = "f", .workload = workload});
  EXPECT_EQ(outcome.status, GMAN_SERVER_ERROR) << outcome.message;
  EXPECT_THAT(outcome.message, EndsWith("ARGUMENT_TOO_LARGE \"Not here\""));
}

// ---- Gone

TEST(unreliable_server, that_closed_an_idle_connection_gets_a_new_one) {
  ScriptedServer server([](Peer& peer) {
    peer.receive_job();
    peer.send(JobCreated{"H:" + std::to_string(peer.number())});
  });
  TestClient client(server.address());
  EXPECT_EQ(client.background({.function = "f"}).handle, "H:1");
  pollfd closed{.fd = gman_fd(client.get()), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&closed, 1, 10'000), 1);
  EXPECT_EQ(client.background({.function = "f"}).handle, "H:2");
}

TEST(unreliable_server, that_sends_something_unasked_gets_a_new_connection) {
  std::promise<void> first_call_ended;
  ScriptedServer server([&](Peer& peer) {
    peer.receive_job();
    const std::string handle = "H:" + std::to_string(peer.number());
    peer.send(JobCreated{handle});
    if (peer.number() > 1) return;
    first_call_ended.get_future().wait();
    peer.send(WorkComplete{handle, "nobody asked"});
    peer.wait_for_close();
  });
  TestClient client(server.address());
  EXPECT_EQ(client.background({.function = "f"}).handle, "H:1");
  first_call_ended.set_value();
  pollfd unasked{.fd = gman_fd(client.get()), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&unasked, 1, 10'000), 1);
  EXPECT_EQ(client.background({.function = "f"}).handle, "H:2");
}

TEST(unreliable_server, in_the_middle_of_a_reply_is_left_by_a_cancel_and_the_next_call_works) {
  std::atomic<bool> is_half_sent{false};
  std::promise<bool> closed;
  ScriptedServer server([&](Peer& peer) {
    if (peer.number() > 1) return well_behaved(peer);
    peer.receive_job();
    peer.send(JobCreated{"H:1"});
    peer.send_bytes(bytes_of(WorkComplete{"H:1", "a long result"}).substr(0, 20));
    is_half_sent = true;
    closed.set_value(peer.wait_for_close());
  });
  TestClient client(server.address());
  const gman_status started = client.start({.function = "reverse", .workload = "ab"}, false);
  const Outcome cancelled = client.finish(started, [&] { return is_half_sent.load(); });
  EXPECT_EQ(cancelled.status, GMAN_CANCELLED);
  EXPECT_THAT(cancelled.message, MatchesRegex("cancelled after [0-9]+ ms.*"));
  EXPECT_TRUE(closed.get_future().get());
  EXPECT_EQ(client.foreground({.function = "reverse", .workload = "ab"}).data, "ba");
}

// ---- What is left behind

std::ptrdiff_t open_descriptors() {
  const std::filesystem::directory_iterator entries("/proc/self/fd");
  return std::distance(begin(entries), end(entries));
}

TEST(unreliable_server, costs_no_descriptor_over_a_thousand_calls_failures_and_cancels) {
  ScriptedServer server([](Peer& peer) {
    // Answers one call, then leaves the second one unfinished.
    peer.receive_job();
    peer.send(JobCreated{"H:1"});
    peer.receive_job();
    peer.close();
  });
  const std::string down = dead_address();
  const auto round = [&] {
    TestClient client(down + "," + server.address() + ",localhost:1");
    EXPECT_EQ(client.background({.function = "f"}).status, GMAN_OK);
    const gman_status started = client.start({.function = "f"}, true);
    EXPECT_EQ(started, GMAN_AGAIN);
    gman_cancel_call(client.get());
    EXPECT_EQ(gman_error_get(client.get())->status, GMAN_CANCELLED);
    TestClient unlucky("localhost:1");
    EXPECT_EQ(unlucky.ping().status, GMAN_UNREACHABLE);
  };
  round();
  server.wait_until_idle();
  const auto before = open_descriptors();
  for (int i = 0; i < 333 && !testing::Test::HasFailure(); ++i) round();
  server.wait_until_idle();
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace gman::test
