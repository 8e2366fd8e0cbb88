// SPDX-License-Identifier: BSD-3-Clause
// ReadBuffer: bytes received but not yet understood, in one run of memory.
//
// It grows by doubling as bytes really arrive, never by what a header announces, so a peer that
// lies about a length costs nothing.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

#include "base/assert.hpp"

namespace gman {

class ReadBuffer {
 public:
  /// Where the next bytes go; never empty. Call `commit` with how many came.
  [[nodiscard]] std::span<char> space() {
    if (begin_ == end_) begin_ = end_ = 0;
    if (end_ == capacity_) make_room();
    return {bytes_.get() + end_, capacity_ - end_};
  }

  /// Requires: `count` bytes were written to the span that `space` returned last.
  void commit(std::size_t count) {
    GMAN_ASSERT(count <= capacity_ - end_);
    end_ += count;
  }

  [[nodiscard]] std::string_view unread() const { return {bytes_.get() + begin_, end_ - begin_}; }

  /// Requires: `count` <= unread().size().
  void consume(std::size_t count) {
    GMAN_ASSERT(count <= end_ - begin_);
    begin_ += count;
  }

  void clear() { begin_ = end_ = 0; }

 private:
  static constexpr std::size_t first_bytes = 4096;

  // Moves what is unread to the front, into twice the room when it fills more than half.
  void make_room() {
    const std::string_view kept = unread();
    if (kept.size() * 2 > capacity_ || capacity_ == 0) {
      const std::size_t larger = std::max(first_bytes, capacity_ * 2);
      std::unique_ptr<char[]> grown(new char[larger]);
      if (!kept.empty()) std::memcpy(grown.get(), kept.data(), kept.size());
      bytes_ = std::move(grown);
      capacity_ = larger;
    } else {
      std::memmove(bytes_.get(), kept.data(), kept.size());
    }
    end_ = kept.size();
    begin_ = 0;
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace gman
