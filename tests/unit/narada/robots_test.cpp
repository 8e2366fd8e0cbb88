// SPDX-License-Identifier: BSD-3-Clause
#include "examples/narada/robots.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace gman::narada {
namespace {

bool allows(std::string_view text, std::string_view target) {
  return Robots::parse(text, "narada").allows(target);
}

TEST(robots, allows_all_when_it_says_nothing) {
  EXPECT_TRUE(allows("", "/a"));
  EXPECT_TRUE(allows("rubbish\n<html>\nDisallow: /\n", "/a"));
  EXPECT_TRUE(allows("User-agent: *\nDisallow:\n", "/a"));
  EXPECT_TRUE(Robots::allow_all().allows("/a"));
}

TEST(robots, allows_itself_always) {
  EXPECT_TRUE(Robots::disallow_all().allows("/robots.txt"));
  EXPECT_FALSE(Robots::disallow_all().allows("/"));
}

TEST(robots, forbids_what_starts_with_a_rule) {
  const char* text = "User-agent: *\nDisallow: /private\n";
  EXPECT_FALSE(allows(text, "/private"));
  EXPECT_FALSE(allows(text, "/private/a?b"));
  EXPECT_FALSE(allows(text, "/privateer"));
  EXPECT_TRUE(allows(text, "/public"));
  EXPECT_TRUE(allows(text, "/Private"));
}

TEST(robots, lets_the_longest_rule_decide_and_allow_win_a_tie) {
  const char* text = "User-agent: *\nDisallow: /a\nAllow: /a/b\nDisallow: /a/b/c\n";
  EXPECT_FALSE(allows(text, "/a/x"));
  EXPECT_TRUE(allows(text, "/a/b/x"));
  EXPECT_FALSE(allows(text, "/a/b/c"));
  EXPECT_TRUE(allows("User-agent: *\nDisallow: /a\nAllow: /a\n", "/a"));
  EXPECT_TRUE(allows("User-agent: *\nAllow: /a\nDisallow: /a\n", "/a"));
}

TEST(robots, takes_our_groups_together_and_then_ignores_everybodys) {
  const char* text =
      "User-agent: *\nDisallow: /\n"
      "User-agent: Narada/2.0\nDisallow: /one\n"
      "User-agent: other\nDisallow: /three\n"
      "user-agent: NARADA\nDisallow: /two\n";
  EXPECT_TRUE(allows(text, "/"));
  EXPECT_FALSE(allows(text, "/one"));
  EXPECT_FALSE(allows(text, "/two"));
  EXPECT_TRUE(allows(text, "/three"));
}

TEST(robots, does_not_mistake_a_longer_product_for_ours) {
  EXPECT_TRUE(allows("User-agent: naradabot\nDisallow: /\n", "/a"));
}

TEST(robots, gives_one_group_to_all_agents_named_above_it) {
  const char* text = "User-agent: other\nUser-agent: narada\nDisallow: /a\n";
  EXPECT_FALSE(allows(text, "/a"));
}

TEST(robots, obeys_a_group_of_ours_that_forbids_nothing) {
  EXPECT_TRUE(allows("User-agent: narada\nDisallow:\nUser-agent: *\nDisallow: /\n", "/a"));
}

TEST(robots, takes_agents_over_a_blank_line_as_one_group) {
  EXPECT_FALSE(allows("User-agent: narada\n\nUser-agent: *\nDisallow: /\n", "/a"));
}

TEST(robots, reads_wildcards_and_ends) {
  const char* text = "User-agent: *\nDisallow: /*.pdf$\nDisallow: /a*b*c\nDisallow: /end$\n";
  EXPECT_FALSE(allows(text, "/x/y.pdf"));
  EXPECT_FALSE(allows(text, "/x.pdf.pdf"));
  EXPECT_TRUE(allows(text, "/x.pdf?y"));
  EXPECT_FALSE(allows(text, "/a-b-c-d"));
  EXPECT_TRUE(allows(text, "/a-c-b"));
  EXPECT_FALSE(allows(text, "/end"));
  EXPECT_TRUE(allows(text, "/end/"));
}

TEST(robots, compares_escapes_by_what_they_mean) {
  const char* text =
      "User-agent: *\nDisallow: /caf\xC3\xA9\nDisallow: /%7euser\nDisallow: /a%2fb\n";
  EXPECT_FALSE(allows(text, "/caf%C3%A9"));
  EXPECT_FALSE(allows(text, "/~user"));
  EXPECT_FALSE(allows(text, "/a%2Fb"));
  EXPECT_TRUE(allows(text, "/a/b"));
}

TEST(robots, passes_over_byte_order_mark_comments_blanks_and_any_line_end) {
  EXPECT_FALSE(allows("\xEF\xBB\xBFUser-agent: *\nDisallow: /a", "/a"));
  EXPECT_FALSE(allows("  USER-AGENT :\t* # all\r\nSitemap: x\r\n DISALLOW :  /a  # no\r\n", "/a"));
  EXPECT_FALSE(allows("User-agent: *\rDisallow: /a\r", "/a"));
}

TEST(robots, reads_its_first_500_kib_and_no_more) {
  const std::string head = "User-agent: *\n";
  const std::string rule = "Disallow: /a\n";
  std::string within =
      head + std::string(robots_bytes_max - head.size() - rule.size(), '\n') + rule;
  EXPECT_FALSE(allows(within, "/a"));
  std::string beyond = head + std::string(robots_bytes_max - head.size(), '\n') + rule;
  EXPECT_TRUE(allows(beyond, "/a"));
}

TEST(robots, is_not_slowed_down_by_many_stars) {
  std::string text = "User-agent: *\nDisallow: /";
  for (int i = 0; i < 500; ++i) text += "*a";
  text += "$\n";
  const auto before = std::chrono::steady_clock::now();
  EXPECT_TRUE(allows(text, "/" + std::string(2000, 'a') + "b"));
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(2));
}

}  // namespace
}  // namespace gman::narada
