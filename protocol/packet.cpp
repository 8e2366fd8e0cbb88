// SPDX-License-Identifier: BSD-3-Clause
#include "protocol/packet.hpp"

#include "base/assert.hpp"

namespace gman {
namespace {

constexpr std::size_t wire_types = static_cast<std::size_t>(packet_table.back().type) + 1;

// Row by wire type, so that a look-up is one load: -1 where no packet has that number.
constexpr std::array<std::int16_t, wire_types> rows = [] {
  std::array<std::int16_t, wire_types> index{};
  index.fill(-1);
  for (std::size_t row = 0; row < packet_table.size(); ++row) {
    index[static_cast<std::size_t>(packet_table[row].type)] = static_cast<std::int16_t>(row);
  }
  return index;
}();

}  // namespace

const PacketSpec* find_spec(std::uint32_t wire_type) {
  if (wire_type >= wire_types || rows[wire_type] < 0) return nullptr;
  return &packet_table[static_cast<std::size_t>(rows[wire_type])];
}

const PacketSpec& spec_of(PacketType type) {
  const PacketSpec* spec = find_spec(static_cast<std::uint32_t>(type));
  GMAN_ASSERT(spec != nullptr);
  return *spec;
}

}  // namespace gman
