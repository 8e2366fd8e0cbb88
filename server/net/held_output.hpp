// SPDX-License-Identifier: BSD-3-Clause
// HeldOutput: what a connection is to be sent once the store has a batch, and all that follows it:
// answers come in the order of their requests.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "base/assert.hpp"
#include "server/net/byte_buffer.hpp"

namespace gman {

class HeldOutput {
 public:
  [[nodiscard]] bool empty() const { return parts_.empty(); }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }

  /// To be sent when the store has `batch`.
  void promise(std::uint64_t batch, std::string_view bytes) {
    if (parts_.empty() || parts_.back().batch != batch || !parts_.back().is_promise) {
      parts_.push_back({.batch = batch, .bytes = 0, .is_promise = true});
    }
    add(bytes);
  }
  /// To be sent behind what is held. Requires: something is held.
  void follow(std::string_view bytes) {
    GMAN_ASSERT(!parts_.empty());
    if (parts_.back().is_promise) {
      parts_.push_back({.batch = parts_.back().batch, .bytes = 0, .is_promise = false});
    }
    add(bytes);
  }

  /// What release(batch) would set free.
  [[nodiscard]] std::string_view due(std::uint64_t batch) const {
    std::size_t bytes = 0;
    for (auto part = parts_.begin(); part != parts_.end() && part->batch <= batch; ++part) {
      bytes += part->bytes;
    }
    return bytes_.view().substr(0, bytes);
  }
  /// The first `bytes` of it need not be sent any more.
  // Requires: at most size().
  void drop(std::size_t bytes) {
    bytes_.consume(bytes);
    for (auto part = parts_.begin(); bytes > 0; ++part) {
      const std::size_t dropped = std::min(bytes, part->bytes);
      part->bytes -= dropped;
      bytes -= dropped;
    }
  }

  /// Calls `send(bytes)` with what the store's having `batch` sets free, in order.
  template <class Send>
  void release(std::uint64_t batch, Send send) {
    pass_on(batch, [&send](std::string_view bytes, const Part&) { send(bytes); });
  }
  /// Calls `pass(bytes, is_broken)` with everything, in order: promises of what comes after
  /// `stored` will not be kept.
  template <class Pass>
  void give_up(std::uint64_t stored, Pass pass) {
    pass_on(std::numeric_limits<std::uint64_t>::max(),
            [&](std::string_view bytes, const Part& part) {
              pass(bytes, part.is_promise && part.batch > stored);
            });
  }

 private:
  struct Part {
    std::uint64_t batch;
    std::size_t bytes;
    bool is_promise;
  };

  void add(std::string_view bytes) {
    bytes_.append(bytes);
    parts_.back().bytes += bytes.size();
  }
  template <class Pass>
  void pass_on(std::uint64_t batch, Pass pass) {
    auto part = parts_.begin();
    for (; part != parts_.end() && part->batch <= batch; ++part) {
      pass(bytes_.view().substr(0, part->bytes), *part);
      bytes_.consume(part->bytes);
    }
    parts_.erase(parts_.begin(), part);
  }

  std::vector<Part> parts_;
  ByteBuffer bytes_;
};

}  // namespace gman
