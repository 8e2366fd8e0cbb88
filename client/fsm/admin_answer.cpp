// SPDX-License-Identifier: BSD-3-Clause
#include "client/fsm/admin_answer.hpp"

#include <algorithm>
#include <array>

namespace gman {
namespace {

// What "show" lists is told by further words; what it does not know is refused by a line with ERR.
constexpr std::array<std::string_view, 4> list_verbs{"status", "prioritystatus", "workers", "show"};

bool is_word(std::string_view given, std::string_view word) {
  return std::ranges::equal(given, word, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

bool is_answered_by_list(std::string_view line) {
  const std::string_view verb = line.substr(0, line.find(' '));
  return std::ranges::any_of(list_verbs, [&](auto word) { return is_word(verb, word); });
}

}  // namespace

AdminAnswer::AdminAnswer(std::string_view line) : is_list_(is_answered_by_list(line)) {}

bool AdminAnswer::take(std::string_view bytes) {
  std::size_t looked_at = text_.size();
  text_ += bytes;
  for (;;) {
    const std::size_t end = text_.find('\n', looked_at);
    if (end == std::string::npos) return false;
    if (end_line(line_begin_, end)) return true;
    looked_at = line_begin_ = end + 1;
  }
}

void AdminAnswer::start_over() {
  text_.clear();
  line_begin_ = 0;
}

// True when the answer ends with the line, which is then cut to what belongs to it.
bool AdminAnswer::end_line(std::size_t begin, std::size_t end) {
  std::string_view line = std::string_view(text_).substr(begin, end - begin);
  const bool is_no_row = line.ends_with('\r');
  if (is_no_row) line.remove_suffix(1);
  // A function or a unique may be "ERR x"; but rows end with a line feed alone, and errors do not.
  is_error_ = begin == 0 && line.starts_with("ERR ") && (!is_list_ || is_no_row);
  if (!is_list_ || is_error_) {
    text_.resize(line.size());
    return true;
  }
  if (line != ".") return false;
  text_.resize(begin);
  return true;
}

}  // namespace gman
