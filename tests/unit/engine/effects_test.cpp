// SPDX-License-Identifier: BSD-3-Clause
#include "server/engine/effects.hpp"

#include <gtest/gtest.h>

namespace gman {
namespace {

constexpr ConnId alice{1};
constexpr ConnId bob{2};

std::string bytes_of(const Response& response) {
  std::string bytes;
  append_response(bytes, response);
  return bytes;
}

TEST(effects, merge_adjacent_packets_to_one_connection) {
  Effects effects;
  effects.send(alice, JobCreated{"H:1"});
  effects.send(alice, Noop{});
  ASSERT_EQ(effects.list().size(), 1);
  const auto& sent = std::get<Effects::Send>(effects.list()[0]);
  EXPECT_EQ(sent.to, alice);
  EXPECT_EQ(effects.bytes_of(sent), bytes_of(JobCreated{"H:1"}) + bytes_of(Noop{}));
}

TEST(effects, keep_their_order) {
  Effects effects;
  effects.send(alice, Noop{});
  effects.send(bob, NoJob{});
  effects.send(alice, NoJob{});
  effects.close(alice, CloseReason::engine_limit);
  effects.send(alice, Noop{});
  ASSERT_EQ(effects.list().size(), 5);
  EXPECT_EQ(std::get<Effects::Send>(effects.list()[2]).to, alice);
  EXPECT_EQ(effects.bytes_of(std::get<Effects::Send>(effects.list()[2])), bytes_of(NoJob{}));
  EXPECT_EQ(std::get<Effects::Close>(effects.list()[3]).reason, CloseReason::engine_limit);
}

TEST(effects, send_one_encoded_packet_to_many) {
  Effects effects;
  const std::string result(1000, 'r');
  const auto packet = effects.encode(WorkComplete{"H:1", result});
  effects.send(alice, packet);
  effects.send(bob, packet);
  effects.send(bob, packet);
  ASSERT_EQ(effects.list().size(), 3);
  for (const auto& effect : effects.list()) {
    EXPECT_EQ(effects.bytes_of(std::get<Effects::Send>(effect)),
              bytes_of(WorkComplete{"H:1", result}));
  }
}

TEST(effects, are_empty_after_clear) {
  Effects effects;
  EXPECT_TRUE(effects.empty());
  effects.send(alice, EchoRes{std::string(8u << 20, 'x')});
  EXPECT_FALSE(effects.empty());
  effects.clear();
  EXPECT_TRUE(effects.empty());
  effects.send(bob, Noop{});
  EXPECT_EQ(effects.bytes_of(std::get<Effects::Send>(effects.list()[0])), bytes_of(Noop{}));
}

TEST(effects, name_every_reason_to_close) {
  for (int i = 0; i <= static_cast<int>(CloseReason::shutting_down); ++i) {
    EXPECT_NE(to_string(static_cast<CloseReason>(i)), "unknown");
  }
}

}  // namespace
}  // namespace gman
