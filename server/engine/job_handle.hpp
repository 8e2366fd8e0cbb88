// SPDX-License-Identifier: BSD-3-Clause
// Job handles: "<prefix>:<number>", where the number says which slot of the pool holds the job and
// how often that slot was used before, so that finding a job takes no hash and an old handle never
// finds a newer job.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/limits.hpp"
#include "server/engine/job.hpp"

namespace gman::engine {

/// A job by slot and generation, as the pool counts it (odd for a record that lives).
struct JobRef {
  JobSlot slot;
  std::uint32_t generation;

  friend bool operator==(const JobRef&, const JobRef&) = default;
};

class JobHandles {
 public:
  static constexpr std::size_t prefix_bytes_max = 40;

  /// A handle's bytes, on the stack.
  class Text {
   public:
    operator std::string_view() const { return {bytes_.data(), size_}; }  // NOLINT: is one

   private:
    friend class JobHandles;
    std::array<char, handle_bytes_max> bytes_;
    std::size_t size_;
  };

  // Requires: the prefix has at most prefix_bytes_max bytes.
  explicit JobHandles(std::string prefix);

  [[nodiscard]] Text format(JobRef job) const { return format(number_of(job)); }
  [[nodiscard]] Text format(std::uint64_t number) const;
  /// What a handle has after its prefix.
  [[nodiscard]] static std::uint64_t number_of(JobRef job);
  /// nullopt: this is no handle that `format` made.
  [[nodiscard]] std::optional<JobRef> parse(std::string_view handle) const;

 private:
  std::string prefix_;
};

}  // namespace gman::engine
