// SPDX-License-Identifier: BSD-3-Clause
// One run of a program: bytes to its standard input, its standard output back, without a shell.
//
// Both pipes are served by one poll(2), so neither side can block the other however large they are.
// The program gets a process group of its own: a Ctrl-C meant for the worker does not reach it, and
// what it started can be ended with it.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gman::cli {

struct ChildRun {
  std::vector<std::string> words;  ///< the program, looked up in PATH, and its arguments
  /// Added to our environment: "NAME=value".
  std::vector<std::string> environment;
  std::string_view input;
  std::size_t output_bytes_max = 0;
  std::optional<std::chrono::milliseconds> time_max;
  /// Asked at least every 100 ms; true kills the program.
  std::function<bool()> is_cancelled;
};

struct ChildResult {
  std::string output;
  /// Empty when it ended with status 0; else why that is no success, with the end of what it wrote
  /// to its standard error.
  std::string failure;
};

/// Standard error also goes to ours, as it comes.
/// Requires: SIGPIPE is ignored.
[[nodiscard]] ChildResult run_child(const ChildRun& run);

/// Whether PATH has such a program.
[[nodiscard]] bool is_program(const std::string& name);

}  // namespace gman::cli
