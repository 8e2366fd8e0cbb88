// SPDX-License-Identifier: BSD-3-Clause
// What a run of the load generator is to do, and what came of it: plain values.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "cli/load/histogram.hpp"

namespace gman::cli::load {

inline constexpr std::uint32_t connections_max = 20'000;  ///< submitting, and as many workers
inline constexpr std::uint32_t window_max = 100'000;
inline constexpr std::uint64_t jobs_max = 1'000'000'000'000;
inline constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();

enum class Mode : std::uint8_t { background, foreground };

struct Plan {
  std::string function = "gman_bench";
  Mode mode = Mode::background;
  std::size_t workload_bytes = 64;
  /// Connections that submit. None: the workers take what is queued already.
  std::uint32_t connections = 4;
  /// Submits without an answer, on each connection.
  std::uint32_t window = 64;
  std::uint32_t workers = 0;
  /// Each job has a unique that no other has; else none has one.
  bool has_uniques = false;
  /// To submit, or to take where nothing is submitted.
  std::uint64_t jobs = no_limit;
  std::optional<std::chrono::milliseconds> duration;
  /// The run ends when nothing has come for so long.
  std::chrono::milliseconds patience{30'000};
  /// The server's process, if it runs here: its CPU time is measured.
  std::optional<int> server_pid;

  [[nodiscard]] bool submits() const { return connections > 0; }
};

enum class End : std::uint8_t { done, silence, connection_lost, broken_protocol, interrupted };

struct Counts {
  std::uint64_t submitted = 0;
  std::uint64_t acknowledged = 0;   ///< answered by JOB_CREATED
  std::uint64_t refused = 0;        ///< answered by ERROR
  std::uint64_t answered = 0;       ///< foreground jobs whose result came
  std::uint64_t failed = 0;         ///< foreground jobs that ended otherwise
  std::uint64_t taken = 0;          ///< assigned to our workers, and completed by them
  std::uint64_t wakes = 0;          ///< NOOPs to our workers
  std::uint64_t wakes_in_vain = 0;  ///< those after which there was no job
};

struct Outcome {
  End end = End::done;
  std::string why;            ///< when it did not end well, for people
  std::string first_refusal;  ///< code and text of the first ERROR
  Counts counts;
  double seconds = 0;
  Histogram latency;  ///< of acknowledgements, or of results in the foreground
  std::optional<double> server_cpu_seconds;
  double own_cpu_seconds = 0;

  /// What rates and costs are about: results in the foreground; completed jobs where our workers
  /// took them; else acknowledged ones.
  [[nodiscard]] std::uint64_t jobs(const Plan& plan) const {
    if (plan.mode == Mode::foreground && plan.submits()) return counts.answered;
    return plan.workers > 0 ? counts.taken : counts.acknowledged;
  }
};

}  // namespace gman::cli::load
