// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/checksum.hpp"

#include <array>
#include <string_view>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace gman {

std::uint64_t checksum_of(const JobRecord& record) {
  const std::array<std::uint64_t, 7> fixed{
      record.number,          record.handle_number, static_cast<std::uint64_t>(record.priority),
      record.function.size(), record.unique.size(), record.reducer.size(),
      record.workload.size(),
  };
  std::array<unsigned char, sizeof fixed> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<unsigned char>(fixed[i / 8] >> (i % 8 * 8));
  }
  XXH64_hash_t sum = XXH3_64bits(bytes.data(), bytes.size());
  for (const std::string_view text :
       {record.function, record.unique, record.reducer, record.workload}) {
    sum = XXH3_64bits_withSeed(text.data(), text.size(), sum);
  }
  return sum;
}

}  // namespace gman
