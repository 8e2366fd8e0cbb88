// SPDX-License-Identifier: BSD-3-Clause
// Array: one column of many rows, in the binary form in which PostgreSQL takes an array, so that
// one statement writes a thousand rows and nothing is escaped.
//
//   ndim, has_null, element type, count, lower bound  (int32 each, big end first)
//   then for each element its length (-1: NULL) and its bytes
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gman::postgres {

enum class Element : std::uint32_t { bytea = 17, int8 = 20, text = 25 };  // their OIDs

class Array {
 public:
  explicit Array(Element element) : element_(element) { clear(); }

  void clear() {
    constexpr std::size_t bytes_kept = std::size_t{1} << 20;
    if (bytes_.capacity() > bytes_kept) bytes_ = {};
    bytes_.assign(header_bytes, '\0');
    put(0, 1);
    put(8, static_cast<std::uint32_t>(element_));
    put(16, 1);
    count_ = 0;
  }
  void add(std::uint64_t value) {
    append(std::uint32_t{8});
    append(static_cast<std::uint32_t>(value >> 32));
    append(static_cast<std::uint32_t>(value));
    put(12, ++count_);
  }
  void add(std::string_view value) {
    append(static_cast<std::uint32_t>(value.size()));
    bytes_.append(value);
    put(12, ++count_);
  }
  void add_null() {
    append(~std::uint32_t{0});
    put(4, 1);
    put(12, ++count_);
  }

  [[nodiscard]] std::uint32_t count() const { return count_; }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  static constexpr std::size_t header_bytes = 20;

  void put(std::size_t at, std::uint32_t value) {
    for (std::size_t i = 0; i < 4; ++i) bytes_[at + i] = static_cast<char>(value >> (24 - 8 * i));
  }
  void append(std::uint32_t value) {
    bytes_.resize(bytes_.size() + 4);
    put(bytes_.size() - 4, value);
  }

  Element element_;
  std::uint32_t count_ = 0;
  std::string bytes_;
};

}  // namespace gman::postgres
