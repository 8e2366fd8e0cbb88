// SPDX-License-Identifier: BSD-3-Clause
#include "client/fsm/read_buffer.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace gman {
namespace {

void add(ReadBuffer& buffer, std::string_view bytes, std::size_t wanted = 0) {
  while (!bytes.empty()) {
    const auto space = buffer.space(wanted);
    ASSERT_FALSE(space.empty());
    const std::size_t count = std::min(space.size(), bytes.size());
    std::memcpy(space.data(), bytes.data(), count);
    buffer.commit(count);
    bytes.remove_prefix(count);
  }
}

TEST(read_buffer, keeps_bytes_in_order_while_they_come_and_go) {
  ReadBuffer buffer;
  std::string sent;
  std::string read;
  for (std::size_t i = 0; i < 500; ++i) {
    const std::string piece(i * 7 % 300, static_cast<char>('a' + i % 26));
    add(buffer, piece);
    sent += piece;
    const std::size_t count = buffer.unread().size() / (1 + i % 3);
    read += buffer.unread().substr(0, count);
    buffer.consume(count);
  }
  read += buffer.unread();
  EXPECT_EQ(read, sent);
}

TEST(read_buffer, does_not_grow_for_bytes_that_are_read_as_they_come) {
  ReadBuffer buffer;
  for (int i = 0; i < 1000; ++i) {
    add(buffer, std::string(1000, 'x'));
    buffer.consume(1000);
  }
  EXPECT_LE(buffer.capacity(), 4096u);
}

TEST(read_buffer, makes_room_for_what_came_and_not_for_what_was_announced) {
  ReadBuffer buffer;
  add(buffer, std::string(10'000, 'x'), 64u << 20);
  EXPECT_LE(buffer.capacity(), 20'000u);
}

TEST(read_buffer, makes_no_more_room_than_is_wanted) {
  ReadBuffer buffer;
  constexpr std::size_t wanted = (1u << 20) + 20;
  add(buffer, std::string(wanted, 'x'), wanted);
  EXPECT_EQ(buffer.capacity(), wanted);
  EXPECT_EQ(buffer.unread().size(), wanted);
}

}  // namespace
}  // namespace gman
