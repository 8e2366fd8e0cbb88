// SPDX-License-Identifier: BSD-3-Clause
#include "client/blocking/resolver.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <array>
#include <chrono>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <thread>

namespace gman {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;

/// A DNS server on loopback that knows one address or says why not.
class NameServer {
 public:
  enum class Manner { answers, knows_no_such_name, is_silent };

  explicit NameServer(Manner manner)
      : manner_(manner),
        socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)),
        stop_(::eventfd(0, EFD_CLOEXEC)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t bytes = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(socket_.get(), raw, bytes), 0);
    EXPECT_EQ(::getsockname(socket_.get(), raw, &bytes), 0);
    address_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this] { serve(); });
  }
  ~NameServer() {
    ::eventfd_write(stop_.get(), 1);
    thread_.join();
  }
  NameServer(const NameServer&) = delete;
  NameServer& operator=(const NameServer&) = delete;

  [[nodiscard]] const std::string& address() const { return address_; }

 private:
  static constexpr std::size_t header_size = 12;

  void serve() {
    for (;;) {
      pollfd waiting[] = {{socket_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
      ::poll(waiting, 2, -1);
      if (waiting[1].revents != 0) return;
      std::array<char, 512> query;
      sockaddr_in from{};
      socklen_t bytes = sizeof from;
      auto* raw = reinterpret_cast<sockaddr*>(&from);
      const ssize_t count = ::recvfrom(socket_.get(), query.data(), query.size(), 0, raw, &bytes);
      if (count < static_cast<ssize_t>(header_size) || manner_ == Manner::is_silent) continue;
      const std::string answer = answer_to({query.data(), static_cast<std::size_t>(count)});
      ::sendto(socket_.get(), answer.data(), answer.size(), 0, raw, bytes);
    }
  }

  // The question comes back with one A record behind it, if it was for that.
  [[nodiscard]] std::string answer_to(std::string_view query) const {
    const std::size_t name_end = query.find('\0', header_size);
    const std::string question{query.substr(header_size, name_end + 5 - header_size)};
    const bool is_for_ipv4 = query[name_end + 2] == 1;
    const bool has_answer = is_for_ipv4 && manner_ == Manner::answers;
    std::string answer{query.substr(0, 2)};
    answer += '\x81';
    answer += manner_ == Manner::answers ? '\x80' : '\x83';
    answer += std::string("\0\1\0", 3) + (has_answer ? '\1' : '\0') + std::string(4, '\0');
    answer += question;
    if (has_answer) {
      answer += std::string("\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4", 12) + std::string("\x7f\0\0\7", 4);
    }
    return answer;
  }

  Manner manner_;
  UniqueFd socket_;
  UniqueFd stop_;
  std::string address_;
  std::thread thread_;
};

std::string text_of(const SocketAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.storage.ss_family == AF_INET) {
    const auto& in = reinterpret_cast<const sockaddr_in&>(address.storage);
    ::inet_ntop(AF_INET, &in.sin_addr, text.data(), text.size());
    return text.data() + std::string(":") + std::to_string(ntohs(in.sin_port));
  }
  const auto& in6 = reinterpret_cast<const sockaddr_in6&>(address.storage);
  ::inet_ntop(AF_INET6, &in6.sin6_addr, text.data(), text.size());
  return "[" + std::string(text.data()) + "]:" + std::to_string(ntohs(in6.sin6_port));
}

/// What was found, as text; or the reason, alone.
std::vector<std::string> look_up(const std::string& host, const std::string& dns_servers = "") {
  Epoll epoll;
  Resolver resolver(epoll, host, 4730, dns_servers);
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (!resolver.found() && std::chrono::steady_clock::now() < until) {
    pollfd waiting{.fd = epoll.fd(), .events = POLLIN, .revents = 0};
    ::poll(&waiting, 1, static_cast<int>(resolver.timeout().value_or(1000ms).count()));
    for (const EpollEvent& event : epoll.poll()) resolver.on_event(event);
    resolver.on_time();
  }
  if (!resolver.found()) return {"nothing in 20 seconds"};
  if (const auto* reason = std::get_if<std::string>(&*resolver.found())) return {*reason};
  std::vector<std::string> found;
  for (const auto& address : std::get<0>(*resolver.found())) found.push_back(text_of(address));
  return found;
}

TEST(resolver, answers_numeric_addresses_at_once_without_any_look_up) {
  Epoll epoll;
  EXPECT_TRUE(Resolver(epoll, "192.0.2.7", 1).found());
  EXPECT_THAT(look_up("192.0.2.7"), ElementsAre("192.0.2.7:4730"));
  EXPECT_THAT(look_up("::1"), ElementsAre("[::1]:4730"));
}

TEST(resolver, knows_localhost_without_dns) {
  NameServer silent(NameServer::Manner::is_silent);
  EXPECT_THAT(look_up("localhost", silent.address()), Contains("127.0.0.1:4730"));
}

TEST(resolver, reads_the_hosts_file) {
  std::ifstream hosts("/etc/hosts");
  std::string line;
  while (std::getline(hosts, line)) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string address;
    std::string name;
    if (!(words >> address >> name) || address != "127.0.0.1" || name == "localhost") continue;
    NameServer silent(NameServer::Manner::is_silent);
    EXPECT_THAT(look_up(name, silent.address()), Contains("127.0.0.1:4730")) << name;
    return;
  }
  GTEST_SKIP() << "no name but localhost in /etc/hosts";
}

TEST(resolver, asks_a_name_server) {
  NameServer server(NameServer::Manner::answers);
  EXPECT_THAT(look_up("jobs.example.test", server.address()), ElementsAre("127.0.0.7:4730"));
}

TEST(resolver, tells_why_a_name_has_no_address) {
  NameServer server(NameServer::Manner::knows_no_such_name);
  EXPECT_THAT(look_up("jobs.example.test", server.address()),
              ElementsAre("cannot resolve \"jobs.example.test\": Domain name not found"));
}

TEST(resolver, can_be_dropped_in_the_middle_of_a_look_up_and_leaves_no_descriptor) {
  NameServer server(NameServer::Manner::is_silent);
  Epoll epoll;
  {
    Resolver resolver(epoll, "jobs.example.test", 4730, server.address());
    EXPECT_FALSE(resolver.found());
    EXPECT_TRUE(resolver.timeout());
  }
  EXPECT_TRUE(epoll.poll().empty());
}

}  // namespace
}  // namespace gman
