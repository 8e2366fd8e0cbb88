// SPDX-License-Identifier: BSD-3-Clause
// Progress: one line on a terminal that says how far something long has come, and is gone when it
// is done. Where nobody watches, nothing is written.
#pragma once

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>

namespace gman {

class Progress {
 public:
  explicit Progress(std::string what) : what_(std::move(what)), is_seen_(::isatty(2) == 1) {}
  ~Progress() {
    if (is_shown_) std::fputs("\r\033[K", stderr);
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// So many of them are done.
  void at(std::uint64_t count) {
    if (is_seen_ && count % 1024 == 0) show(std::to_string(count));
  }
  /// It goes on.
  void tick() {
    if (!is_seen_) return;
    const auto spent = std::chrono::steady_clock::now() - begun_;
    show(std::to_string(std::chrono::duration_cast<std::chrono::seconds>(spent).count()) + " s");
  }

 private:
  void show(const std::string& how_far) {
    const auto now = std::chrono::steady_clock::now();
    if (now - shown_ < std::chrono::milliseconds(100)) return;
    shown_ = now;
    is_shown_ = true;
    std::fprintf(stderr, "\r\033[K%s: %s", what_.c_str(), how_far.c_str());
    std::fflush(stderr);
  }

  std::string what_;
  bool is_seen_;
  bool is_shown_ = false;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point shown_;
};

}  // namespace gman
