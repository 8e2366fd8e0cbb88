// SPDX-License-Identifier: BSD-3-Clause
// Any line, read as an admin command, and its words written into the rows of lists.
#include <string>

#include "protocol/admin.hpp"
#include "protocol/errors.hpp"
#include "protocol/limits.hpp"
#include "tests/fuzz/fuzz_input.hpp"

using namespace gman;
using gman::fuzz::require;

namespace {

void require_inside(std::string_view word, std::string_view line) {
  if (word.empty()) return;
  require(word.data() >= line.data() && word.data() + word.size() <= line.data() + line.size(),
          "a word lies in its line");
  require(word.find(' ') == std::string_view::npos, "a word has no blank");
}

struct Checker {
  std::string_view line;

  void operator()(const AdminMistake& mistake) const {
    require(mistake.answer.starts_with("ERR ") && mistake.answer.ends_with("\r\n"),
            "a mistake is answered by one ERR line");
  }
  void operator()(const AdminMaxQueue& one) const { require_inside(one.function, line); }
  void operator()(const AdminCreateFunction& one) const { require_inside(one.function, line); }
  void operator()(const AdminDropFunction& one) const { require_inside(one.function, line); }
  void operator()(const AdminCancelJob& one) const { require_inside(one.handle, line); }
  void operator()(const auto&) const {}
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const auto command = parse_admin(line);
  if (!command) {
    require(command.error() == protocol_errc::too_many_words, "only too many words are an error");
    return 0;
  }
  std::visit(Checker{line}, *command);
  const auto again = parse_admin(line);
  require(again && again->index() == command->index(), "a line means the same twice");
  return 0;
}
