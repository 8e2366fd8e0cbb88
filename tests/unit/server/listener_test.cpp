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

TEST(listener, an_accepted_socket_has_no_delay_and_keepalive_without_asking) {
  ServerConfig config{.listen = {{"127.0.0.1", 0}}};
  const auto listeners = open_listeners(config);
  const UniqueFd client(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(listeners.at(0).port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  const UniqueFd accepted(::accept(listeners[0].fd(), nullptr, nullptr));
  const auto option = [&](int level, int name) {
    int value = -1;
    socklen_t bytes = sizeof(value);
    ::getsockopt(accepted.get(), level, name, &value, &bytes);
    return value;
  };
  EXPECT_EQ(option(IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 1);
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
