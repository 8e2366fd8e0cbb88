// SPDX-License-Identifier: BSD-3-Clause
// FunctionTable: all functions, by name and by number, and which of them have jobs to be run.
//
// A number is dense and is used again only after its function was dropped, which needs that
// nothing refers to it. `ready` is one byte a function, so that a worker of many functions finds
// one with work by a walk through a few cache lines.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "server/engine/queue/function.hpp"

namespace gman::engine {

class FunctionTable {
 public:
  FunctionTable(Pool<Job>& jobs, std::uint32_t queue_max_default)
      : jobs_(jobs), queue_max_default_(queue_max_default) {}

  /// nil: never heard of it.
  [[nodiscard]] FunctionId find(std::string_view name) const;
  [[nodiscard]] FunctionId find_or_create(std::string_view name);
  // Requires: no job and no worker has the function.
  void drop(FunctionId id);

  [[nodiscard]] Function& operator[](FunctionId id) { return *functions_[id]; }
  [[nodiscard]] const Function& operator[](FunctionId id) const { return *functions_[id]; }
  [[nodiscard]] std::size_t size() const { return by_name_.size(); }

  /// Holds for the function now and whenever it is created again.
  void set_queue_max(std::string_view name, const QueueMax& queue_max);
  /// Holds for all functions of which the other one says nothing.
  void set_queue_max_default(std::uint32_t queue_max);

  /// Background jobs are stored, unless their function is one of those.
  void set_durability(bool has_store, const std::set<std::string, std::less<>>& memory_functions);

  // Requires: the job is in state Queued, and is in no queue yet / in its queue.
  void enqueue(JobSlot slot);
  void dequeue(JobSlot slot);

  // Requires: the job is in its queue and is away; it is asked for from now on.
  void expect(JobSlot slot);
  // Requires: the job is in its queue, was asked for, and has its workload again.
  void arrived(JobSlot slot);

  /// Whether a function has that number.
  [[nodiscard]] bool has(FunctionId id) const { return functions_[id] != nullptr; }

  /// One bit a priority whose first queued job can be run: the bit of `Priority::high` is 1. A
  /// queue whose first job waits for its workload is not ready.
  [[nodiscard]] std::uint8_t ready(FunctionId id) const { return ready_[id]; }
  /// How many bits are set in all functions.
  [[nodiscard]] std::size_t ready_queues() const { return ready_queues_; }
  static constexpr std::uint8_t ready_bit(Priority priority) {
    return static_cast<std::uint8_t>(1u << index_of(priority));
  }

  /// Calls `visit(id, function)` in the order of numbers.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (FunctionId id = 0; id < functions_.size(); ++id) {
      if (functions_[id] != nullptr) visit(id, std::as_const(*functions_[id]));
    }
  }

 private:
  void set_ready(FunctionId id, Priority priority, bool is_ready);

  Pool<Job>& jobs_;
  std::uint32_t queue_max_default_;
  bool has_store_ = false;
  std::set<std::string, std::less<>> memory_functions_;
  [[nodiscard]] Durability durability_of(std::string_view name) const {
    return has_store_ && !memory_functions_.contains(name) ? Durability::sync : Durability::memory;
  }

  std::vector<std::unique_ptr<Function>> functions_;
  std::vector<FunctionId> free_;
  std::vector<std::uint8_t> ready_;
  std::size_t ready_queues_ = 0;
  boost::unordered_flat_map<std::string_view, FunctionId> by_name_;  ///< views into the functions
  boost::unordered_flat_map<std::string, QueueMax> queue_max_by_name_;
};

}  // namespace gman::engine
