// SPDX-License-Identifier: BSD-3-Clause
#include "cli/stream.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "protocol/limits.hpp"

namespace gman::cli {
namespace {

constexpr std::size_t read_bytes = 64u << 10;
constexpr std::int64_t progress_every_ms = 200;
constexpr std::string_view erase_line = "\r\x1b[K";

volatile std::sig_atomic_t interrupted = 0;
bool is_progress_shown = false;

void note_interrupt(int) {
  interrupted = 1;
}

std::string error_text() {
  return std::error_code(errno, std::generic_category()).message();
}

void write_error(std::string_view bytes) {
  // Where to tell that standard error cannot be written?
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, bytes.data(), bytes.size());
}

std::string too_large(std::string_view what) {
  return std::string(what) + " is above the limit of " + std::to_string(workload_bytes_max) +
         " bytes for a workload";
}

/// Appends what comes next and says how much that was: 0 at the end of input.
std::variant<std::size_t, Exit> read_more(std::string_view command, std::string& buffer) {
  std::array<char, read_bytes> chunk;
  for (;;) {
    if (is_interrupted()) return Exit::interrupted;
    const auto bytes = ::read(STDIN_FILENO, chunk.data(), chunk.size());
    if (bytes >= 0) {
      buffer.append(chunk.data(), static_cast<std::size_t>(bytes));
      return static_cast<std::size_t>(bytes);
    }
    if (errno != EINTR) {
      return fail(Exit::other, command, "standard input cannot be read: " + error_text());
    }
  }
}

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

bool is_terminal(int fd) {
  return ::isatty(fd) == 1;
}

bool wants_colour(int fd) {
  const char* no_colour = std::getenv("NO_COLOR");
  return is_terminal(fd) && (no_colour == nullptr || *no_colour == '\0');
}

void say(std::string_view line) {
  std::string text;
  if (is_progress_shown) text += erase_line;
  text.append(line).append("\n");
  write_error(text);
  is_progress_shown = false;
}

bool write_output(std::string_view command, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      fail(Exit::other, command, "standard output cannot be written: " + error_text());
      return false;
    }
  }
  return true;
}

std::variant<std::string, Exit> read_input(std::string_view command) {
  if (is_terminal(STDIN_FILENO) && is_terminal(STDERR_FILENO)) {
    say("reading the workload from this terminal; end it by Ctrl-D on a line of its own");
  }
  std::string input;
  for (;;) {
    const auto more = read_more(command, input);
    if (const auto* exit = std::get_if<Exit>(&more)) return *exit;
    if (input.size() > workload_bytes_max) {
      return fail(Exit::usage, command, too_large("standard input"), "send a reference instead");
    }
    if (std::get<std::size_t>(more) == 0) return input;
  }
}

std::variant<std::optional<std::string>, Exit> LineReader::next() {
  for (std::size_t searched = at_;;) {
    const std::size_t end = buffer_.find('\n', searched);
    if (end != std::string::npos) {
      std::string line = buffer_.substr(at_, end - at_);
      at_ = end + 1;
      ++lines_;
      return std::optional(std::move(line));
    }
    if (is_at_end_) {
      if (at_ == buffer_.size()) return std::optional<std::string>{};
      std::string line = buffer_.substr(at_);
      at_ = buffer_.size();
      ++lines_;
      return std::optional(std::move(line));
    }
    buffer_.erase(0, std::exchange(at_, 0));
    searched = buffer_.size();
    if (buffer_.size() > workload_bytes_max) {
      return fail(Exit::usage, command_, too_large("line " + std::to_string(lines_ + 1)));
    }
    const auto more = read_more(command_, buffer_);
    if (const auto* exit = std::get_if<Exit>(&more)) return *exit;
    is_at_end_ = std::get<std::size_t>(more) == 0;
  }
}

Progress::Progress() : is_terminal_(cli::is_terminal(STDERR_FILENO)) {}

Progress::~Progress() {
  clear();
}

bool Progress::is_due() {
  return is_terminal_ && now_ms() >= next_at_ms_;
}

void Progress::show(std::string_view text) {
  if (!is_due()) return;
  next_at_ms_ = now_ms() + progress_every_ms;
  write_error(std::string(erase_line).append(text));
  is_progress_shown = true;
}

void Progress::clear() {
  if (std::exchange(is_progress_shown, false)) write_error(erase_line);
}

InterruptGuard::InterruptGuard() {
  interrupted = 0;
  struct sigaction action {};
  action.sa_handler = note_interrupt;  // without SA_RESTART: a blocked read must end
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

InterruptGuard::~InterruptGuard() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

bool is_interrupted() {
  return interrupted != 0;
}

}  // namespace gman::cli
