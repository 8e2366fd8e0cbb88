// SPDX-License-Identifier: BSD-3-Clause
// ByteBuffer: bytes that are added at the end and taken from the front. BufferPool: emptied ones
// that are small enough to keep.
//
// An idle connection owns no buffer at all: its bytes pass through buffers of the pool, and what a
// large packet grew goes back to the system at once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

#include "base/assert.hpp"

namespace gman {

class ByteBuffer {
 public:
  ByteBuffer() = default;
  ByteBuffer(ByteBuffer&& other) noexcept { swap(other); }
  ByteBuffer& operator=(ByteBuffer&& other) noexcept {
    ByteBuffer(std::move(other)).swap(*this);
    return *this;
  }
  ~ByteBuffer() { std::free(data_); }

  [[nodiscard]] std::string_view view() const { return {data_ + begin_, end_ - begin_}; }
  [[nodiscard]] std::size_t size() const { return end_ - begin_; }
  [[nodiscard]] bool empty() const { return begin_ == end_; }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }

  /// Room for at least `bytes` behind what is there. `commit` says how much of it was filled.
  [[nodiscard]] char* prepare(std::size_t bytes) {
    if (capacity_ - end_ < bytes) make_room(bytes);
    return data_ + end_;
  }
  // Requires: at most what was prepared.
  void commit(std::size_t bytes) {
    GMAN_ASSERT(bytes <= capacity_ - end_);
    end_ += bytes;
  }
  void append(std::string_view bytes) {
    if (bytes.empty()) return;
    std::memcpy(prepare(bytes.size()), bytes.data(), bytes.size());
    end_ += bytes.size();
  }
  // Requires: at most size().
  void consume(std::size_t bytes) {
    GMAN_ASSERT(bytes <= size());
    begin_ += bytes;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  void clear() { begin_ = end_ = 0; }

 private:
  void swap(ByteBuffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(begin_, other.begin_);
    std::swap(end_, other.end_);
    std::swap(capacity_, other.capacity_);
  }

  void make_room(std::size_t bytes) {
    // Moving is worth it only when it frees as much as it moves, else appending were quadratic.
    if (begin_ >= size() && capacity_ - size() >= bytes) {
      std::memmove(data_, data_ + begin_, size());
    } else {
      const std::size_t wanted = std::max({size() + bytes, 2 * size(), std::size_t{4096}});
      char* grown = nullptr;
      if (begin_ == 0) {
        grown = static_cast<char*>(std::realloc(data_, wanted));  // large ones move by remapping
      } else if (grown = static_cast<char*>(std::malloc(wanted)); grown != nullptr) {
        std::memcpy(grown, data_ + begin_, size());
        std::free(data_);
      }
      if (grown == nullptr) throw std::bad_alloc();
      data_ = grown;
      capacity_ = wanted;
    }
    end_ = size();
    begin_ = 0;
  }

  char* data_ = nullptr;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t capacity_ = 0;
};

class BufferPool {
 public:
  [[nodiscard]] ByteBuffer take() {
    if (kept_.empty()) return {};
    ByteBuffer buffer = std::move(kept_.back());
    kept_.pop_back();
    return buffer;
  }

  void give_back(ByteBuffer&& buffer) {
    if (buffer.capacity() == 0) return;
    ByteBuffer emptied = std::move(buffer);
    if (emptied.capacity() > kept_buffer_bytes_max || kept_.size() >= kept_buffers_max) return;
    emptied.clear();
    kept_.push_back(std::move(emptied));
  }

 private:
  static constexpr std::size_t kept_buffer_bytes_max = 64u << 10;
  static constexpr std::size_t kept_buffers_max = 64;

  std::vector<ByteBuffer> kept_;
};

}  // namespace gman
