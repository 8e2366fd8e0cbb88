// SPDX-License-Identifier: BSD-3-Clause
#include "examples/narada/charset.hpp"

#include <gtest/gtest.h>

namespace gman::narada {
namespace {

TEST(charset, is_taken_from_the_header_first) {
  EXPECT_EQ(to_utf8("caf\xE9", "text/html; charset=ISO-8859-1"), "caf\xC3\xA9");
  EXPECT_EQ(to_utf8("\xCF\xF0\xE8", "text/html;charset=\"windows-1251\""), "При");
  EXPECT_EQ(to_utf8("<meta charset=utf-8>\xE9", "text/html; charset=latin1"),
            "<meta charset=utf-8>\xC3\xA9");
}

TEST(charset, is_taken_from_a_meta_element_second) {
  EXPECT_EQ(to_utf8("<META CharSet='latin1'>\xE9", "text/html"), "<META CharSet='latin1'>\xC3\xA9");
  EXPECT_EQ(to_utf8("<meta http-equiv=x content=\"text/html; charset=koi8-r\">\xC1", ""),
            "<meta http-equiv=x content=\"text/html; charset=koi8-r\">а");
}

TEST(charset, of_a_meta_element_beyond_1024_bytes_is_too_late) {
  const std::string meta = "<meta charset=koi8-r>";
  const std::string early = std::string(1024 - meta.size(), ' ') + meta + "\xC1";
  EXPECT_TRUE(to_utf8(early, "").ends_with("а"));
  const std::string late = std::string(1024, ' ') + meta + "\xC1";
  EXPECT_TRUE(to_utf8(late, "").ends_with("Á"));
}

TEST(charset, is_utf8_when_nothing_is_said_and_the_bytes_allow_it) {
  EXPECT_EQ(to_utf8("caf\xC3\xA9", ""), "café");
}

TEST(charset, is_windows_1252_when_nothing_is_said_and_the_bytes_are_no_utf8) {
  EXPECT_EQ(to_utf8("caf\xE9 \x80", ""), "café €");
}

TEST(charset, yields_to_a_byte_order_mark) {
  EXPECT_EQ(to_utf8("\xEF\xBB\xBF"
                    "a",
                    "text/html; charset=koi8-r"),
            "a");
  EXPECT_EQ(to_utf8(std::string("\xFF\xFE"
                                "a\0\xE9\0",
                                6),
                    ""),
            "aé");
  EXPECT_EQ(to_utf8(std::string("\xFE\xFF\0a\0\xE9", 6), ""), "aé");
}

TEST(charset, that_nobody_knows_is_passed_over) {
  EXPECT_EQ(to_utf8("caf\xC3\xA9", "text/html; charset=no-such-thing"), "café");
  EXPECT_EQ(to_utf8("caf\xC3\xA9", "text/html; charset="), "café");
}

TEST(charset, label_passes_no_options_to_iconv) {
  EXPECT_EQ(charset_of("text/html; charset=ascii//TRANSLIT"), "ascii");
  EXPECT_EQ(charset_of("text/html; charset=../../x"), "..");
}

TEST(bad_bytes, become_replacement_characters_and_are_never_fatal) {
  EXPECT_EQ(valid_utf8("a\xFF"
                       "b"),
            "a\uFFFDb");
  EXPECT_EQ(valid_utf8(std::string("a\0b", 3)), "a\uFFFDb");
  EXPECT_EQ(valid_utf8("\xC3"), "\uFFFD");
  EXPECT_EQ(valid_utf8("\xC0\xAF"), "\uFFFD\uFFFD") << "overlong";
  EXPECT_EQ(valid_utf8("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD") << "surrogate";
  EXPECT_EQ(valid_utf8("\xF4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD") << "beyond U+10FFFF";
  EXPECT_EQ(valid_utf8("\xF0\x9F\x98\x80"), "\U0001F600");
  EXPECT_EQ(to_utf8("a\xFF"
                    "b",
                    "text/html; charset=utf-8"),
            "a\uFFFDb");
  EXPECT_EQ(to_utf8("a\x81\x30", "text/html; charset=shift_jis"), "a\uFFFD0");
  EXPECT_EQ(to_utf8("\x81", "text/html; charset=shift_jis"), "\uFFFD");
}

TEST(utf8_prefix, does_not_end_inside_a_character) {
  EXPECT_EQ(utf8_prefix("aé", 3), "aé");
  EXPECT_EQ(utf8_prefix("aé", 2), "a");
  EXPECT_EQ(utf8_prefix("aé", 1), "a");
  EXPECT_EQ(utf8_prefix("é", 1), "");
}

}  // namespace
}  // namespace gman::narada
