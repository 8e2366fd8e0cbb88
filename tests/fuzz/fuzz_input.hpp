// SPDX-License-Identifier: BSD-3-Clause
// FuzzInput: a byte string read as choices: numbers, and stretches of bytes. When it is used up,
// every choice is 0.
//
// A fuzz target is one function, LLVMFuzzerTestOneInput, that must bear any input: what it finds is
// a crash, a sanitizer's report, or a law that does not hold. libFuzzer calls it in the build of
// the `fuzz` preset, replay_main.cpp in the others.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string_view>

namespace gman::fuzz {

class FuzzInput {
 public:
  FuzzInput(const std::uint8_t* data, std::size_t size)
      : rest_(reinterpret_cast<const char*>(data), size) {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }
  [[nodiscard]] std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto first = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return first;
  }
  /// At most `count` bytes.
  [[nodiscard]] std::string_view bytes(std::size_t count) {
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  [[nodiscard]] std::string_view all() { return bytes(rest_.size()); }

 private:
  std::string_view rest_;
};

/// A law of the target. What breaks it is kept as an input.
inline void require(bool holds, const char* law) {
  if (holds) return;
  std::cerr << "a law does not hold: " << law << '\n';
  std::abort();
}

}  // namespace gman::fuzz
