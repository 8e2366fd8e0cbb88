// SPDX-License-Identifier: BSD-3-Clause
// PromptAnswers: answers that wait for a batch and for nothing else. The store's thread sends them
// as soon as the batch is durable, and tells the loop afterwards: to wake the loop first would make
// each client wait for one more change of threads, which is half of what a sync takes.
//
// The loop fills it before it gives the batch to the store, and looks at what became of it when the
// store has told of the batch. In between it belongs to the store's thread, and the loop sends
// nothing to these sockets and closes none of them.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/engine/effects.hpp"

namespace gman {

class PromptAnswers {
 public:
  /// The loop sends what is more, and what is longer, while the store is at its next batch.
  static constexpr std::size_t answers_max = 64;
  static constexpr std::size_t answer_bytes_max = std::size_t{16} << 10;

  struct Answer {
    ConnId conn;
    int socket;
    std::size_t offset, bytes;  ///< in the bytes of all
    std::size_t sent = 0;
  };

  [[nodiscard]] bool is_full() const { return answers_.size() >= answers_max; }
  // Requires: not full.
  void add(ConnId conn, int socket, std::string_view bytes);
  [[nodiscard]] std::span<const Answer> answers() const { return answers_; }
  [[nodiscard]] bool concern(ConnId conn) const;
  void clear();

  /// What a socket does not take at once is left to the loop, and so is a broken one.
  void send();

 private:
  std::vector<Answer> answers_;
  std::string bytes_;
};

}  // namespace gman
