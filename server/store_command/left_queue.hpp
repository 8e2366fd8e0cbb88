// SPDX-License-Identifier: BSD-3-Clause
// LeftQueue: where gearmand kept background jobs. It is only read.
//
// All of gearmand's SQL queues have the same five columns: unique_key, function_name, priority
// (0 high, 1 normal, 2 low), data and when_to_run (seconds since 1970, 0 for at once). What became
// of a job is not in it: a row is there until the job is done. Nor is the order in which jobs came,
// so they are read in the table's own, as gearmand itself does.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "server/store/store.hpp"

namespace gman {

/// The texts live until `take` returns.
struct LeftJob {
  std::string_view unique, function, workload;
  std::int64_t priority;
  std::int64_t when_to_run;
};

class LeftQueue {
 public:
  virtual ~LeftQueue() = default;
  LeftQueue() = default;
  LeftQueue(const LeftQueue&) = delete;
  LeftQueue& operator=(const LeftQueue&) = delete;

  /// For people: how it was reached; no password.
  [[nodiscard]] virtual std::string name() const = 0;
  /// Which table it is, however it was reached.
  [[nodiscard]] virtual std::variant<std::string, StoreFault> identity() = 0;
  [[nodiscard]] virtual std::variant<std::uint64_t, StoreFault> jobs() = 0;
  /// Who else seems to have it, in words; empty: nobody.
  [[nodiscard]] virtual std::string users() = 0;
  /// Until `take` returns a fault.
  using Take = std::function<std::optional<StoreFault>(const LeftJob&)>;
  [[nodiscard]] virtual std::optional<StoreFault> read(const Take& take) = 0;
};

/// There is no such file, or no such table in it: gearmand has left nothing there.
struct NoLeftQueue {
  std::string text;
};
using OpenedLeftQueue = std::variant<std::unique_ptr<LeftQueue>, NoLeftQueue, StoreFault>;

/// `from` is sqlite:/path, postgresql://…, mysql://… or redis://…; `table` is a table's name, in
/// Redis the prefix of keys, and gearmand's own where it is empty.
[[nodiscard]] OpenedLeftQueue open_left_queue(const std::string& from, const std::string& table);

}  // namespace gman
