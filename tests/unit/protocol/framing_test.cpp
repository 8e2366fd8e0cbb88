// SPDX-License-Identifier: BSD-3-Clause
#include "protocol/framing.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "protocol/limits.hpp"

namespace gman {
namespace {

using namespace std::string_literals;

std::string header(std::string_view magic, std::uint32_t type, std::uint32_t body_bytes) {
  std::string out(magic);
  for (const std::uint32_t word : {type, body_bytes}) {
    for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(word >> shift);
  }
  return out;
}

std::string request(PacketType type, std::initializer_list<std::string_view> args) {
  std::string out;
  append_packet(out, Magic::req, type, args);
  return out;
}

// What next_frame says of `in`, in words.
std::string seen(std::string_view in) {
  const auto frame = next_frame(in);
  if (!frame) return "error: " + frame.error().message();
  if (!*frame) return "half";
  if (const auto* packet = std::get_if<Packet>(&(*frame)->unit)) {
    return std::string(packet->magic == Magic::req ? "req " : "res ") +
           std::string(spec_of(packet->type).name) + " " + std::string(packet->body) + " of " +
           std::to_string((*frame)->bytes);
  }
  return "line " + std::string(std::get<TextLine>((*frame)->unit).text) + " of " +
         std::to_string((*frame)->bytes);
}

TEST(framing, writes_the_bytes_of_the_protocol) {
  EXPECT_EQ(request(PacketType::submit_job, {"reverse", "", "Hello"}),
            "\0REQ\0\0\0\x07\0\0\0\x0ereverse\0\0Hello"s);
  EXPECT_EQ(request(PacketType::grab_job, {}), "\0REQ\0\0\0\x09\0\0\0\0"s);
}

TEST(framing, finds_one_packet_and_leaves_what_follows) {
  EXPECT_EQ(seen(request(PacketType::echo_req, {"abc"}) + "status\n"), "req ECHO_REQ abc of 15");
  EXPECT_EQ(seen("\0RES\0\0\0\x06\0\0\0\0"s), "res NOOP  of 12");
}

TEST(framing, takes_every_strict_prefix_of_a_packet_for_half_a_packet) {
  const std::string packet = request(PacketType::submit_job, {"reverse", "u", "Hello"});
  for (std::size_t bytes = 0; bytes < packet.size(); ++bytes) {
    EXPECT_EQ(seen(packet.substr(0, bytes)), "half") << bytes;
  }
}

TEST(framing, reads_a_line_up_to_its_end_with_and_without_cr) {
  EXPECT_EQ(seen("status\n"), "line status of 7");
  EXPECT_EQ(seen("status\r\nworkers\n"), "line status of 8");
  EXPECT_EQ(seen("\n"), "line  of 1");
  EXPECT_EQ(seen("stat"), "half");
}

TEST(framing, refuses_a_line_without_an_end_at_the_limit_and_not_before) {
  EXPECT_EQ(seen(std::string(text_line_bytes_max - 1, 'x')), "half");
  EXPECT_EQ(seen(std::string(text_line_bytes_max, 'x')),
            "error: Admin line above the limit of 8192 bytes");
  std::string longest(text_line_bytes_max, 'x');
  longest.back() = '\n';
  EXPECT_EQ(seen(longest).substr(0, 6), "line x");
  longest.insert(longest.begin(), 'x');
  EXPECT_EQ(seen(longest), "error: Admin line above the limit of 8192 bytes");
}

TEST(framing, refuses_another_magic_with_the_first_byte_that_shows_it) {
  EXPECT_EQ(seen("\0"s), "half");
  EXPECT_EQ(seen("\0R"s), "half");
  EXPECT_EQ(seen("\0X"s), "error: Not a packet: bad magic");
  EXPECT_EQ(seen("\0REX"s), "error: Not a packet: bad magic");
}

TEST(framing, refuses_a_number_that_no_packet_has) {
  for (const std::uint32_t type : {0U, 5U, 43U, 0xffffffffU}) {
    EXPECT_EQ(seen(header("\0REQ"s, type, 0)), "error: No packet has this type number") << type;
  }
}

TEST(framing, refuses_an_announced_body_above_the_limit_before_any_of_it_came) {
  EXPECT_EQ(seen(header("\0REQ"s, 16, body_bytes_max)), "half");
  EXPECT_EQ(seen(header("\0REQ"s, 16, body_bytes_max + 1)),
            "error: Packet body announced above the limit of 67174400 bytes");
  EXPECT_EQ(seen(header("\0REQ"s, 16, 0xffffffffU)),
            "error: Packet body announced above the limit of 67174400 bytes");
}

TEST(framing, tells_how_much_a_begun_packet_will_need) {
  EXPECT_EQ(frame_bytes_needed(header("\0REQ"s, 16, 100)), header_bytes + 100);
  EXPECT_EQ(frame_bytes_needed("\0REQ"s), 0U);
  EXPECT_EQ(frame_bytes_needed("status and more than twelve bytes"), 0U);
}

TEST(framing, survives_any_bytes) {
  std::mt19937 random(20261122);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = round % 2 == 0 ? "\0REQ"s : std::string();
    const std::size_t size = random() % 40;
    for (std::size_t i = 0; i < size; ++i)
      bytes += static_cast<char>(random() % 5 ? random() % 8 : random());
    const auto frame = next_frame(bytes);
    if (frame && *frame) {
      ASSERT_LE((*frame)->bytes, bytes.size());
    }
  }
}

}  // namespace
}  // namespace gman
