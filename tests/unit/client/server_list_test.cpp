// SPDX-License-Identifier: BSD-3-Clause
#include "client/fsm/server_list.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gman {
namespace {

using testing::HasSubstr;

std::vector<ServerAddress> servers_of(std::string_view text) {
  auto parsed = parse_server_list(text);
  if (const auto* error = std::get_if<ServerListError>(&parsed)) {
    ADD_FAILURE() << text << ": " << error->message;
    return {};
  }
  return std::get<std::vector<ServerAddress>>(parsed);
}

std::string error_of(std::string_view text) {
  const auto parsed = parse_server_list(text);
  const auto* error = std::get_if<ServerListError>(&parsed);
  return error == nullptr ? "accepted" : error->message;
}

TEST(server_list, reads_every_form_of_an_address) {
  const struct {
    std::string_view entry;
    std::variant<TcpAddress, UnixAddress> where;
  } table[] = {
      {"127.0.0.1:4731", TcpAddress{"127.0.0.1", 4731}},
      {"jobs.example.org", TcpAddress{"jobs.example.org", 4730}},
      {"job_server-1:1", TcpAddress{"job_server-1", 1}},
      {"localhost:65535", TcpAddress{"localhost", 65535}},
      {"tcp://10.0.0.7:7003", TcpAddress{"10.0.0.7", 7003}},
      {"tcp://10.0.0.7", TcpAddress{"10.0.0.7", 4730}},
      {"[::1]:4731", TcpAddress{"::1", 4731}},
      {"[::1]", TcpAddress{"::1", 4730}},
      {"::1", TcpAddress{"::1", 4730}},
      {"[fe80::1%eth0]:4730", TcpAddress{"fe80::1%eth0", 4730}},
      {"tcp://[2001:db8::7]:80", TcpAddress{"2001:db8::7", 80}},
      {"unix:/run/gmand/gmand.sock", UnixAddress{"/run/gmand/gmand.sock"}},
      {"unix:/with space:and=colon", UnixAddress{"/with space:and=colon"}},
  };
  for (const auto& row : table) {
    const auto servers = servers_of(row.entry);
    ASSERT_EQ(servers.size(), 1u) << row.entry;
    EXPECT_EQ(servers[0], (ServerAddress{std::string(row.entry), row.where})) << row.entry;
  }
}

TEST(server_list, keeps_the_order_and_drops_blanks_around_entries) {
  const auto servers = servers_of(" b:2 ,\ta , unix:/s\n");
  ASSERT_EQ(servers.size(), 3u);
  EXPECT_EQ(servers[0].name, "b:2");
  EXPECT_EQ(servers[1].name, "a");
  EXPECT_EQ(servers[2].name, "unix:/s");
}

TEST(server_list, is_empty_for_empty_and_blank_text) {
  EXPECT_TRUE(servers_of("").empty());
  EXPECT_TRUE(servers_of(" \t\n").empty());
}

TEST(server_list, names_the_entry_and_the_reason_of_each_mistake) {
  const struct {
    std::string_view text, message;
  } table[] = {
      {"a,,b", "server 2 of the list is empty"},
      {"a,", "server 2 of the list is empty"},
      {",", "server 1 of the list is empty"},
      {"a:0", "server \"a:0\": the port must be a number from 1 to 65535"},
      {"a:65536", "server \"a:65536\": the port must be a number from 1 to 65535"},
      {"a:", "server \"a:\": the port must be a number from 1 to 65535"},
      {"a:47x", "server \"a:47x\": the port must be a number from 1 to 65535"},
      {"a:-1", "server \"a:-1\": the port must be a number from 1 to 65535"},
      {"ok,:4730", "server \":4730\": the host is missing"},
      {"::1:4730:x", "server \"::1:4730:x\": an IPv6 address with a port must stand in brackets"},
      {"[::1", "server \"[::1\": the bracket is not closed"},
      {"[::1]4730", "server \"[::1]4730\": only a colon and a port may follow the bracket"},
      {"[host]:1", "server \"[host]:1\": only an IPv6 address may stand in brackets"},
      {"http://a:1", "server \"http://a:1\": only tcp:// and unix: may stand before an address"},
      {"a b:1", "server \"a b:1\": the host has a character that no host name has"},
      {"me@a", "server \"me@a\": the host has a character that no host name has"},
      {"unix:", "server \"unix:\": the path after \"unix:\" is missing"},
      {"unix:run/s", "server \"unix:run/s\": the path after \"unix:\" must begin with a slash"},
      {"a\nb", "server \"a\\nb\": the host has a character that no host name has"},
  };
  for (const auto& row : table) EXPECT_EQ(error_of(row.text), row.message) << row.text;
}

TEST(server_list, holds_its_limits_at_their_edges) {
  const auto host = [](std::size_t bytes) { return std::string(bytes, 'h'); };
  EXPECT_EQ(error_of(host(host_bytes_max)), "accepted");
  EXPECT_THAT(error_of(host(host_bytes_max + 1)),
              HasSubstr("of 254 bytes is above the limit of 253 bytes"));

  const auto path = [](std::size_t bytes) { return "unix:/" + std::string(bytes - 1, 'p'); };
  EXPECT_EQ(error_of(path(unix_path_bytes_max)), "accepted");
  EXPECT_THAT(error_of(path(unix_path_bytes_max + 1)),
              HasSubstr("of 108 bytes is above the limit of 107 bytes"));

  std::string list = "h";
  for (std::size_t i = 1; i < servers_max; ++i) list += ",h";
  EXPECT_EQ(servers_of(list).size(), servers_max);
  EXPECT_EQ(error_of(list + ",h"), "the list names more than 64 servers");
}

TEST(server_list, finds_the_first_server_that_another_list_lacks) {
  const std::string_view allowed = "a,b:4731,[::1]:4730,unix:/s";
  EXPECT_EQ(first_not_within("", allowed), std::nullopt);
  EXPECT_EQ(first_not_within("unix:/s, tcp://a:4730, b:4731", allowed), std::nullopt);
  EXPECT_EQ(first_not_within("a,b", allowed), "server \"b\" is not among them");
  EXPECT_EQ(first_not_within("unix:/other", allowed), "server \"unix:/other\" is not among them");
  EXPECT_EQ(first_not_within("a", ""), "server \"a\" is not among them");
  EXPECT_EQ(first_not_within("a,,b", allowed), "server 2 of the list is empty");
  EXPECT_EQ(first_not_within("a", "a,,b"), "server 2 of the list is empty");
}

}  // namespace
}  // namespace gman
