// SPDX-License-Identifier: BSD-3-Clause
#include "server/net/byte_buffer.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace gman {
namespace {

TEST(byte_buffer, gives_back_the_bytes_it_was_given_in_order) {
  ByteBuffer buffer;
  std::string model;
  std::mt19937 random(7);
  for (int step = 0; step < 20'000; ++step) {
    const std::size_t bytes = random() % 300;
    if (random() % 2 == 0) {
      const std::string chunk(bytes, static_cast<char>('a' + step % 26));
      buffer.append(chunk);
      model += chunk;
    } else {
      const std::size_t taken = std::min(bytes, model.size());
      buffer.consume(taken);
      model.erase(0, taken);
    }
    ASSERT_EQ(buffer.view(), model) << step;
  }
}

TEST(byte_buffer, stays_small_when_as_much_leaves_as_comes) {
  ByteBuffer buffer;
  buffer.append("some");
  for (int step = 0; step < 10'000; ++step) {
    buffer.append(std::string(100, 'x'));
    buffer.consume(100);
  }
  EXPECT_LE(buffer.capacity(), 8192u);
}

TEST(byte_buffer, takes_what_was_written_into_prepared_room) {
  ByteBuffer buffer;
  buffer.append("12");
  std::memcpy(buffer.prepare(10'000), "34", 2);
  buffer.commit(2);
  EXPECT_EQ(buffer.view(), "1234");
}

TEST(buffer_pool, hands_out_again_what_was_given_back_emptied) {
  BufferPool pool;
  ByteBuffer buffer;
  buffer.append("left over");
  const std::size_t capacity = buffer.capacity();
  pool.give_back(std::move(buffer));
  ByteBuffer again = pool.take();
  EXPECT_EQ(again.capacity(), capacity);
  EXPECT_TRUE(again.empty());
  EXPECT_EQ(pool.take().capacity(), 0u);
}

TEST(buffer_pool, keeps_64_kib_and_lets_go_of_one_byte_more) {
  BufferPool pool;
  ByteBuffer kept;
  kept.append(std::string(64u << 10, 'x'));
  pool.give_back(std::move(kept));
  EXPECT_EQ(pool.take().capacity(), 64u << 10);

  ByteBuffer large;
  large.append(std::string((64u << 10) + 1, 'x'));
  pool.give_back(std::move(large));
  EXPECT_EQ(pool.take().capacity(), 0u);
}

}  // namespace
}  // namespace gman
