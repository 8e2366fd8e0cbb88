// SPDX-License-Identifier: BSD-3-Clause
// ReadBuffer: bytes received but not yet understood, in one run of memory.
//
// It grows as bytes really arrive, to at most twice of what is there, so a peer that announces much
// and sends little costs little.
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
  /// Where the next bytes go; never empty. Call `commit` with how many came. `wanted` is how many
  /// unread bytes there will be in all, as far as that is known: no more room than that is made.
  [[nodiscard]] std::span<char> space(std::size_t wanted = 0) {
    if (begin_ == end_) begin_ = end_ = 0;
    if (end_ == capacity_) make_room(wanted);
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

  [[nodiscard]] std::size_t capacity() const { return capacity_; }

  void clear() { begin_ = end_ = 0; }

 private:
  static constexpr std::size_t first_bytes = 4096;

  // Moves what is unread to the front, into twice the room when it fills more than half.
  void make_room(std::size_t wanted) {
    const std::string_view kept = unread();
    if (kept.size() * 2 > capacity_ || capacity_ == 0) {
      std::size_t larger = std::max(first_bytes, capacity_ * 2);
      if (wanted > capacity_) larger = std::min(larger, std::max(first_bytes, wanted));
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
