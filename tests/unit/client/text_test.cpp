// SPDX-License-Identifier: BSD-3-Clause
#include "client/fsm/text.hpp"

#include <gtest/gtest.h>

namespace gman {
namespace {

TEST(printable, keeps_text_and_escapes_what_could_harm_a_terminal_or_a_log) {
  const struct {
    std::string_view in, out;
  } table[] = {
      {"", ""},
      {"plain text", "plain text"},
      {"gr\xc3\xbc\xc3\x9f\x65 \xe2\x82\xac \xf0\x9f\x90\x98",
       "gr\xc3\xbc\xc3\x9f\x65 \xe2\x82\xac \xf0\x9f\x90\x98"},
      {"two\nlines\r\n\ttabbed", "two\\nlines\\r\\n\\ttabbed"},
      {{"\x1b[31m\0\x7f", 7}, "\\x1b[31m\\x00\\x7f"},
      {"\xff\xfe", "\\xff\\xfe"},
      {"cut \xe2\x82", "cut \\xe2\\x82"},
      {"\xc0\x80", "\\xc0\\x80"},                    // NUL, overlong
      {"\xed\xa0\x80", "\\xed\\xa0\\x80"},           // a surrogate
      {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},  // above U+10FFFF
      {"\xc2\x85", "\\xc2\\x85"},                    // next line
      {"\xe2\x80\xa8", "\\xe2\\x80\\xa8"},           // line separator
      {"\xe2\x80\xae", "\\xe2\\x80\\xae"},           // right-to-left override
  };
  for (const auto& row : table) EXPECT_EQ(printable(row.in, 100), row.out);
}

TEST(printable, cuts_between_characters_at_the_limit_and_says_so) {
  EXPECT_EQ(printable("abc", 4), "abc");
  EXPECT_EQ(printable("abcd", 4), "abcd");
  EXPECT_EQ(printable("abcde", 4), "abcd...");
  EXPECT_EQ(printable("abc\xe2\x82\xac", 6), "abc\xe2\x82\xac");
  EXPECT_EQ(printable("abc\xe2\x82\xac", 5), "abc...");
}

}  // namespace
}  // namespace gman
