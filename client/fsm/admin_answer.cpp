// SPDX-License-Identifier: BSD-3-Clause
#include "client/fsm/admin_answer.hpp"

#include <type_traits>
#include <variant>

#include "protocol/admin.hpp"

namespace gman {
namespace {

bool is_answered_by_list(std::string_view line) {
  const auto command = parse_admin(line);
  if (!command) return false;
  return std::visit(
      [](const auto& one) {
        using Command = std::decay_t<decltype(one)>;
        return std::is_same_v<Command, AdminStatus> || std::is_same_v<Command, AdminWorkers> ||
               std::is_same_v<Command, AdminPriorityStatus> ||
               std::is_same_v<Command, AdminShowJobs> ||
               std::is_same_v<Command, AdminShowUniqueJobs>;
      },
      *command);
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
  if (line.ends_with('\r')) line.remove_suffix(1);
  // A function may be called "ERR x", but no error has a tab, and each row of functions has.
  is_error_ = begin == 0 && line.starts_with("ERR ") && line.find('\t') == std::string_view::npos;
  if (!is_list_ || is_error_) {
    text_.resize(line.size());
    return true;
  }
  if (line != ".") return false;
  text_.resize(begin);
  return true;
}

}  // namespace gman
