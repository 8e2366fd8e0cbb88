// SPDX-License-Identifier: BSD-3-Clause
// Handover: values that one thread gives and another takes, in their order; neither need wait.
//
// What is given is pushed onto a list by one atomic exchange and taken all at once, so that a value
// belongs to one thread at a time.
//
// What is waited on is a word of 32 bits. On one of another size libstdc++ has no futex of its own:
// it waits on one of sixteen that all such atomics share, and whoever sleeps on another of them is
// woken as well.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace gman {

template <class T>
class Handover {
 public:
  Handover() = default;
  Handover(const Handover&) = delete;
  Handover& operator=(const Handover&) = delete;
  ~Handover() { static_cast<void>(take()); }

  void give(std::unique_ptr<T> value) {
    auto* const node = new Node{std::move(value), last_.load()};
    while (!last_.compare_exchange_weak(node->before, node)) {
    }
    given_.fetch_add(1);
    given_.notify_one();
  }
  /// Until there is something to take.
  void wait() const {
    for (auto given = given_.load(); empty(); given = given_.load()) given_.wait(given);
  }
  [[nodiscard]] bool empty() const { return last_.load() == nullptr; }
  [[nodiscard]] std::vector<std::unique_ptr<T>> take() {
    std::vector<std::unique_ptr<T>> values;
    for (Node* node = last_.exchange(nullptr); node != nullptr;) {
      const std::unique_ptr<Node> owned(node);
      values.push_back(std::move(owned->value));
      node = owned->before;
    }
    std::ranges::reverse(values);
    return values;
  }

 private:
  struct Node {
    std::unique_ptr<T> value;
    Node* before;
  };
  std::atomic<Node*> last_{nullptr};
  std::atomic<std::uint32_t> given_{0};  ///< how many; it may wrap
};

}  // namespace gman
