// SPDX-License-Identifier: BSD-3-Clause
// Pool<T>: idle things that one thread at a time may use, made as they are needed.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "examples/narada/trouble.hpp"

namespace gman::narada {

template <class T>
class Pool {
 public:
  using Make = std::function<Result<std::unique_ptr<T>>()>;

  explicit Pool(Make make) : make_(std::move(make)) {}

  /// An idle one or a new one. Whoever took it gives it back, or drops it when it broke.
  [[nodiscard]] Result<std::unique_ptr<T>> take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        auto taken = std::move(idle_.back());
        idle_.pop_back();
        return taken;
      }
    }
    return make_();
  }

  void give_back(std::unique_ptr<T> taken) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(taken));
  }

 private:
  Make make_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<T>> idle_;
};

}  // namespace gman::narada
