// SPDX-License-Identifier: BSD-3-Clause
#include "server/net/listener.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

namespace gman {
namespace {

using testing::HasSubstr;

struct TemporaryDirectory {
  TemporaryDirectory() { EXPECT_NE(::mkdtemp(path.data()), nullptr); }
  ~TemporaryDirectory() { std::filesystem::remove_all(path); }
  std::string path = "/tmp/gman-unit-XXXXXX";
};

std::string refusal_of_opening(const ServerConfig& config) {
  try {
    const auto listeners = open_listeners(config);
  } catch (const ListenError& error) {
    return error.what();
  }
  return "opened";
}

// A connection that comes to the listener now, as the server sees it.
struct Accepted {
  explicit Accepted(const Listener& listener) {
    listener.listen(1);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(listener.port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    server = UniqueFd(::accept(listener.fd(), nullptr, nullptr));
  }
  [[nodiscard]] int option(int level, int name) const { return option_of(server, level, name); }
  static int option_of(const UniqueFd& socket, int level, int name) {
    int value = -1;
    socklen_t bytes = sizeof(value);
    ::getsockopt(socket.get(), level, name, &value, &bytes);
    return value;
  }

  UniqueFd client{::socket(AF_INET, SOCK_STREAM, 0)};
  UniqueFd server;
};

TEST(listener, an_accepted_socket_has_no_delay_and_keepalive_without_asking) {
  const auto listeners = open_listeners({.listen = {{"127.0.0.1", 0}}});
  const Accepted accepted(listeners.at(0));
  EXPECT_EQ(accepted.option(IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(accepted.option(SOL_SOCKET, SO_KEEPALIVE), 1);
}

TEST(listener, keepalive_figures_are_those_that_were_asked_for_and_change_for_who_comes_later) {
  ServerConfig config{.listen = {{"127.0.0.1", 0}}};
  config.keepalive_idle_seconds = 32'767;
  config.keepalive_interval_seconds = 1;
  config.keepalive_count = 127;
  const auto listeners = open_listeners(config);
  const Accepted early(listeners.at(0));
  EXPECT_EQ(early.option(IPPROTO_TCP, TCP_KEEPIDLE), 32'767);
  EXPECT_EQ(early.option(IPPROTO_TCP, TCP_KEEPINTVL), 1);
  EXPECT_EQ(early.option(IPPROTO_TCP, TCP_KEEPCNT), 127);

  listeners[0].change({.keepalive = false});
  const Accepted late(listeners[0]);
  EXPECT_EQ(late.option(SOL_SOCKET, SO_KEEPALIVE), 0);
  // -1 is the system's figure, which an untouched socket has.
  for (const int name : {TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT}) {
    EXPECT_EQ(late.option(IPPROTO_TCP, name), Accepted::option_of(late.client, IPPROTO_TCP, name));
  }
  EXPECT_EQ(early.option(SOL_SOCKET, SO_KEEPALIVE), 1);
}

TEST(listener, port_0_is_the_same_free_port_on_every_address) {
  const auto listeners =
      open_listeners({.listen = {{"127.0.0.1", {}}, {"127.0.0.2", {}}}, .port = 0});
  ASSERT_EQ(listeners.size(), 2u);
  EXPECT_NE(listeners[0].port(), 0);
  EXPECT_EQ(listeners[0].port(), listeners[1].port());
}

TEST(listener, a_port_in_use_is_named_in_the_error) {
  const auto first = open_listeners({.listen = {{"127.0.0.1", 0}}});
  first[0].listen(1);
  const ServerConfig again{.listen = {{"127.0.0.1", first[0].port()}}};
  EXPECT_EQ(
      refusal_of_opening(again),
      "cannot listen on 127.0.0.1:" + std::to_string(first[0].port()) + ": Address already in use");
}

TEST(listener, an_address_of_another_machine_is_named_in_the_error) {
  EXPECT_THAT(refusal_of_opening({.listen = {{"192.0.2.1", 0}}}),
              HasSubstr("cannot listen on 192.0.2.1:0: "));
}

TEST(listener, a_unix_socket_has_the_permissions_it_was_given_and_goes_with_its_listener) {
  const TemporaryDirectory directory;
  const std::string path = directory.path + "/s";
  struct stat status {};
  {
    const Listener listener = Listener::on_unix_socket(path, 0600);
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
    EXPECT_EQ(listener.address(), "unix:" + path);
  }
  EXPECT_NE(::stat(path.c_str(), &status), 0);
}

TEST(listener, a_file_that_was_put_in_the_sockets_place_stays) {
  const TemporaryDirectory directory;
  const std::string path = directory.path + "/s";
  {
    const Listener listener = Listener::on_unix_socket(path, 0600);
    std::filesystem::remove(path);
    std::ofstream(path) << "mine";
  }
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(listener, a_dead_socket_file_is_replaced_and_a_live_one_refused) {
  const TemporaryDirectory directory;
  const std::string path = directory.path + "/s";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  {
    const UniqueFd dead(::socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  ASSERT_TRUE(std::filesystem::exists(path));
  const Listener listener = Listener::on_unix_socket(path, 0660);
  listener.listen(1);

  try {
    const Listener second = Listener::on_unix_socket(path, 0660);
    ADD_FAILURE() << "two servers on one path";
  } catch (const ListenError& error) {
    EXPECT_EQ(error.what(), "cannot listen on unix:" + path + ": a running server listens on it");
  }
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(listener, a_file_that_is_no_socket_is_left_alone) {
  const TemporaryDirectory directory;
  const std::string path = directory.path + "/notes";
  std::ofstream(path) << "mine";
  EXPECT_THROW(static_cast<void>(Listener::on_unix_socket(path, 0660)), ListenError);
  EXPECT_EQ(std::filesystem::file_size(path), 4u);
}

}  // namespace
}  // namespace gman
