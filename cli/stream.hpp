// SPDX-License-Identifier: BSD-3-Clause
// Standard input, output and error as the commands use them: bytes in and out unchanged, and
// bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "cli/exit.hpp"

namespace gman::cli {

[[nodiscard]] bool is_terminal(int fd);
/// A terminal whose user has not asked for plain text by NO_COLOR.
[[nodiscard]] bool wants_colour(int fd);

/// One line to standard error, over whatever progress stands there.
void say(std::string_view line);

/// All bytes to standard output, at once; false, with the reason told, when they cannot be written.
[[nodiscard]] bool write_output(std::string_view command, std::string_view bytes);

/// All of standard input, or how the command ends instead.
[[nodiscard]] std::variant<std::string, Exit> read_input(std::string_view command);

/// Standard input, line by line.
class LineReader {
 public:
  explicit LineReader(std::string_view command) : command_(command) {}
  /// The next line without its end; nullopt at the end of input; or how the command ends instead.
  [[nodiscard]] std::variant<std::optional<std::string>, Exit> next();
  /// Whether next() brings a line without reading.
  [[nodiscard]] bool has_line() const { return buffer_.find('\n', at_) != std::string::npos; }
  [[nodiscard]] std::uint64_t lines() const { return lines_; }

 private:
  std::string_view command_;
  std::string buffer_;
  std::size_t at_ = 0;
  bool is_at_end_ = false;
  std::uint64_t lines_ = 0;
};

/// A line of progress on standard error, for people only: nothing is shown where that is no
/// terminal, and nothing more often than an eye can follow.
class Progress {
 public:
  Progress();
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  [[nodiscard]] bool is_due();
  void show(std::string_view text);
  void clear();

 private:
  const bool is_terminal_;
  std::int64_t next_at_ms_ = 0;
};

/// While it lives SIGINT and SIGTERM are noted instead of ending the process; waits in system calls
/// end with EINTR.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
};
[[nodiscard]] bool is_interrupted();

}  // namespace gman::cli
