// SPDX-License-Identifier: BSD-3-Clause
// The load of `gman bench`, put to Redis: durable submits as a queue in Redis takes them.
//
// A submit is one RPUSH of a workload of 64 bytes to one list. That is how queues over Redis are
// written, and it is the least that Redis can do for a job: XADD makes an id and keeps a tree, so
// that it would be the easier one to outrun. Commands are pipelined as packets are by `gman bench`:
// one thread, one epoll set, a window without an answer on each connection, one read and one write
// for each connection and turn, all bytes made before the clock starts. What is printed are the
// figures of `gman bench --json`.
//
//   redis_load PORT JOBS CONNECTIONS WINDOW [SERVER_PID]     Redis listens on 127.0.0.1
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "cli/load/cpu_time.hpp"
#include "cli/load/link.hpp"
#include "cli/load/plan.hpp"
#include "cli/load/report.hpp"

namespace gman::cli::load {
namespace {

constexpr int patience_ms = 30'000;
// A window's commands and answers fit into the buffers of a socket, so that no send has to wait.
constexpr std::uint64_t redis_window_max = 1'000;

[[noreturn]] void die(std::string_view what, std::string_view why) {
  std::fprintf(stderr, "redis_load: %.*s: %.*s\n", static_cast<int>(what.size()), what.data(),
               static_cast<int>(why.size()), why.data());
  std::exit(1);
}

[[noreturn]] void die(std::string_view what) {
  die(what, std::error_code(errno, std::generic_category()).message());
}

std::uint64_t clock_ns() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                        std::chrono::steady_clock::now().time_since_epoch())
                                        .count());
}

Descriptor connect_to(std::uint16_t port) {
  Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    die("connect");
  }
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

/// A command in RESP: an array of strings, each after its length.
std::string command(const std::vector<std::string>& words) {
  constexpr std::string_view line_end = "\r\n";
  std::string bytes;
  bytes.append(1, '*').append(std::to_string(words.size())).append(line_end);
  for (const std::string& word : words) {
    bytes.append(1, '$').append(std::to_string(word.size())).append(line_end);
    bytes.append(word).append(line_end);
  }
  return bytes;
}

// A connection that submits. Answers come in the order of the commands.
struct Client {
  struct Sent {
    std::uint64_t at_ns;
    std::uint64_t jobs;
  };

  Descriptor socket;
  std::uint64_t in_flight = 0;
  std::deque<Sent> sent;
  bool is_in_answer = false;  ///< the answer's beginning has been read, and its end has not
};

class RedisLoad {
 public:
  RedisLoad(const Plan& plan, std::uint16_t port)
      : plan_(plan), epoll_(::epoll_create1(EPOLL_CLOEXEC)), to_submit_(plan.jobs) {
    const std::string submit =
        command({"RPUSH", plan.function, std::string(plan.workload_bytes, 'x')});
    command_bytes_ = submit.size();
    for (std::uint32_t i = 0; i < plan.window; ++i) block_ += submit;
    for (std::uint32_t i = 0; i < plan.connections; ++i) {
      clients_.push_back({.socket = connect_to(port), .sent = {}});
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = i;
      if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, clients_.back().socket.get(), &event) != 0) {
        die("epoll_ctl");
      }
    }
  }

  [[nodiscard]] Outcome run() {
    const auto server_cpu = [this] {
      return plan_.server_pid ? cpu_seconds_of(*plan_.server_pid) : std::nullopt;
    };
    const auto server_cpu_before = server_cpu();
    const double own_cpu_before = own_cpu_seconds();
    const std::uint64_t started_ns = clock_ns();
    for (Client& client : clients_) refill(client);
    while (outcome_.counts.acknowledged < plan_.jobs) turn();
    outcome_.seconds = static_cast<double>(clock_ns() - started_ns) * 1e-9;
    outcome_.own_cpu_seconds = own_cpu_seconds() - own_cpu_before;
    if (const auto now = server_cpu(); now && server_cpu_before) {
      outcome_.server_cpu_seconds = *now - *server_cpu_before;
    }
    return std::move(outcome_);
  }

 private:
  void turn() {
    std::array<epoll_event, 512> events;
    const int count =
        ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), patience_ms);
    if (count == 0) die("epoll_wait", "nothing has come for 30 s");
    if (count < 0 && errno != EINTR) die("epoll_wait");
    for (int i = 0; i < count; ++i) {
      Client& client = clients_[events[static_cast<std::size_t>(i)].data.u64];
      receive(client);
      refill(client);
    }
  }

  void refill(Client& client) {
    const std::uint64_t jobs = std::min<std::uint64_t>(plan_.window - client.in_flight, to_submit_);
    if (jobs == 0) return;
    client.sent.push_back({clock_ns(), jobs});
    client.in_flight += jobs;
    to_submit_ -= jobs;
    outcome_.counts.submitted += jobs;
    const std::size_t bytes = jobs * command_bytes_;
    const ssize_t sent = ::send(client.socket.get(), block_.data(), bytes, MSG_NOSIGNAL);
    if (sent < 0) die("send");
    if (static_cast<std::size_t>(sent) != bytes) die("send", "a window was cut short");
  }

  /// An answer to RPUSH is the list's new length, as ":123\r\n"; all else is an error.
  void receive(Client& client) {
    const ssize_t got = ::recv(client.socket.get(), scratch_.data(), scratch_.size(), 0);
    if (got < 0 && errno == EINTR) return;
    if (got <= 0) die("recv", "Redis has closed the connection");
    const std::uint64_t now_ns = clock_ns();
    for (const char c : std::string_view(scratch_.data(), static_cast<std::size_t>(got))) {
      if (!std::exchange(client.is_in_answer, true) && c != ':') {
        die("refused", std::string_view(scratch_.data(), static_cast<std::size_t>(got)));
      }
      if (c == '\n') answered(client, now_ns);
    }
  }

  void answered(Client& client, std::uint64_t now_ns) {
    if (client.sent.empty()) die("recv", "an answer came to no command");
    Client::Sent& oldest = client.sent.front();
    outcome_.latency.add(now_ns - oldest.at_ns);
    ++outcome_.counts.acknowledged;
    --client.in_flight;
    client.is_in_answer = false;
    if (--oldest.jobs == 0) client.sent.pop_front();
  }

  const Plan plan_;
  Outcome outcome_;
  Descriptor epoll_;
  std::vector<Client> clients_;
  std::string block_;  ///< as many commands as a window has room for
  std::size_t command_bytes_ = 0;
  std::uint64_t to_submit_;
  std::array<char, 64u << 10> scratch_{};
};

std::uint64_t number(std::string_view text, std::uint64_t most) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value == 0 || value > most) {
    die(text, "not a number from 1 to " + std::to_string(most));
  }
  return value;
}

}  // namespace
}  // namespace gman::cli::load

int main(int argc, char** argv) {
  using namespace gman::cli::load;
  if (argc != 5 && argc != 6) {
    std::fprintf(stderr, "Usage: redis_load PORT JOBS CONNECTIONS WINDOW [SERVER_PID]\n");
    return 2;
  }
  const auto port = static_cast<std::uint16_t>(number(argv[1], 65'535));
  Plan plan{.jobs = number(argv[2], jobs_max)};
  plan.connections = static_cast<std::uint32_t>(number(argv[3], connections_max));
  plan.window = static_cast<std::uint32_t>(number(argv[4], redis_window_max));
  if (argc == 6) plan.server_pid = static_cast<int>(number(argv[5], 1u << 30));
  const Outcome outcome = RedisLoad(plan, port).run();
  const std::string server = "127.0.0.1:" + std::to_string(port);
  std::fputs(json_of({.plan = plan, .outcome = outcome, .server = server}).c_str(), stdout);
}
