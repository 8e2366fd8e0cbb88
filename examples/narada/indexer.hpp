// SPDX-License-Identifier: BSD-3-Clause
// Group commit: pages that arrive on many threads go into the index, and their rows to `indexed`,
// in one transaction each for all that came while the last one was being written.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <span>
#include <vector>

#include "examples/narada/index.hpp"

namespace gman::narada {

class Indexer {
 public:
  using Write = std::function<Result<void>(std::span<const Document>)>;

  explicit Indexer(Write write) : write_(std::move(write)) {}

  /// Returns when the page is written, or could not be. One caller at a time writes, for itself
  /// and for those who wait.
  [[nodiscard]] Result<void> put(Document document);

 private:
  struct Waiting {
    Document document;
    Result<void> result;
    bool is_done = false;
  };

  [[nodiscard]] Result<void> write(std::span<Waiting* const> batch);

  Write write_;
  std::mutex mutex_;
  std::condition_variable written_;
  std::vector<Waiting*> waiting_;
  bool is_writing_ = false;
};

}  // namespace gman::narada
