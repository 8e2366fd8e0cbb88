// SPDX-License-Identifier: BSD-3-Clause
// StoreReport: what `gmand store check` says of a store, wherever it is: what is wrong with it,
// and how many jobs of which functions and of which starts are in it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "server/engine/job_record.hpp"

namespace gman {

class StoreReport {
 public:
  /// Something is not as it was stored. The first of these are said at once.
  void complain(const std::string& what);
  void count(const JobRecord& job);
  void add_start(std::uint64_t number, std::string_view prefix);
  void set_aside(std::uint64_t jobs) { set_aside_ = jobs; }
  /// After the last job: those of which no start is known are a complaint.
  void complain_of_missing_starts();

  [[nodiscard]] bool is_sound() const { return complaints_ == 0; }
  [[nodiscard]] std::uint64_t jobs() const { return jobs_; }
  void print(const std::string& name) const;

 private:
  struct Function {
    std::array<std::uint64_t, priority_count> waiting{};
    std::uint64_t delayed = 0;
  };

  std::map<std::string, Function, std::less<>> functions_;
  std::map<std::uint64_t, std::string> prefixes_;
  std::map<std::uint64_t, std::uint64_t> of_start_;
  std::uint64_t jobs_ = 0;
  std::uint64_t set_aside_ = 0;
  std::size_t complaints_ = 0;
};

}  // namespace gman
