// SPDX-License-Identifier: BSD-3-Clause
#include "protocol/packet.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace gman {
namespace {

TEST(packet_table, has_a_row_for_every_number_of_the_protocol_and_none_besides) {
  const std::set<std::uint32_t> unused = {0, 5};  // 5 was never given out
  for (std::uint32_t type = 0; type <= 42; ++type) {
    EXPECT_EQ(find_spec(type) == nullptr, unused.contains(type)) << type;
  }
  for (std::uint32_t type = 1000; type <= 1002; ++type) EXPECT_NE(find_spec(type), nullptr) << type;
  for (const std::uint32_t type : {43U, 999U, 1003U, 0x7fffffffU, 0xffffffffU}) {
    EXPECT_EQ(find_spec(type), nullptr) << type;
  }
}

TEST(packet_table, finds_the_row_of_the_number_that_was_asked_for) {
  for (const PacketSpec& spec : packet_table) {
    EXPECT_EQ(find_spec(static_cast<std::uint32_t>(spec.type)), &spec) << spec.name;
    EXPECT_EQ(&spec_of(spec.type), &spec) << spec.name;
  }
}

TEST(packet_table, names_no_two_packets_alike) {
  std::set<std::string_view> names;
  for (const PacketSpec& spec : packet_table) EXPECT_TRUE(names.insert(spec.name).second);
}

}  // namespace
}  // namespace gman
