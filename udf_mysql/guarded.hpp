// SPDX-License-Identifier: BSD-3-Clause
// A value that several sessions share: there is no way to it but through its lock, and the lock is
// held for the one function that is given. Nothing that waits or does I/O belongs in there.
//
// Those that live as long as the process are made by `new` and never destroyed: sessions may still
// be running when the server's exit() destroys what is static.
#pragma once

#include <mutex>
#include <utility>

namespace gman::udf {

template <class Value>
class Guarded {
 public:
  template <class Function>
  decltype(auto) with(Function&& function) {
    const std::lock_guard lock(mutex_);
    return std::forward<Function>(function)(value_);
  }

 private:
  std::mutex mutex_;
  Value value_;
};

}  // namespace gman::udf
