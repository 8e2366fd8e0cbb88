// SPDX-License-Identifier: BSD-3-Clause
// AdminAnswer: the text that answers an admin command, as it arrives.
//
// A list ends with a line "."; anything else is one line. Which of the two comes is told by the
// command; a list that is refused is one line too, which begins with ERR. Only as many bytes are
// kept as the answer has: what follows its end is dropped.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gman {

class AdminAnswer {
 public:
  /// `line` is the command, as it is sent.
  explicit AdminAnswer(std::string_view line);

  /// Takes what has come; true when the answer is whole.
  [[nodiscard]] bool take(std::string_view bytes);

  /// Forgets what has come: the server is asked again, or another one.
  void start_over();

  [[nodiscard]] bool has_begun() const { return !text_.empty(); }
  /// The server refused the command. Known once the answer is whole.
  [[nodiscard]] bool is_error() const { return is_error_; }
  /// The rows of a list, each with its end, or a line without it. In part, before it is whole.
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  [[nodiscard]] bool end_line(std::size_t begin, std::size_t end);

  bool is_list_;
  bool is_error_ = false;
  std::string text_;
  std::size_t line_begin_ = 0;  // of the first line that has no end yet
};

}  // namespace gman
