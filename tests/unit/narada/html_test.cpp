// SPDX-License-Identifier: BSD-3-Clause
#include "examples/narada/html.hpp"

#include <gtest/gtest.h>

namespace gman::narada {
namespace {

using Links = std::vector<std::string>;

Page page_of(std::string_view html) {
  auto page = read_page(html, "http://h/d/p.html");
  EXPECT_TRUE(page);
  return page.value_or(Page{});
}

TEST(page, gives_title_text_and_links) {
  const Page page = page_of(R"(<!DOCTYPE html><html><head><title> The
      Title </title></head><body><h1>Head</h1><p>One <b>tw</b>o.</p><p>Three</p>
      <a href="a.html">A</a> <a href="/b">B</a></body></html>)");
  EXPECT_EQ(page.title, "The Title");
  EXPECT_EQ(page.text, "Head One two. Three A B");
  EXPECT_EQ(page.links, (Links{"http://h/d/a.html", "http://h/b"}));
}

TEST(page, separates_blocks_and_cells_but_not_the_parts_of_a_word) {
  EXPECT_EQ(page_of("a<br>b<div>c</div>d<table><tr><td>e<td>f</table>g<i>h</i>").text,
            "a b c d e f gh");
}

TEST(page, shows_no_script_style_or_comment) {
  EXPECT_EQ(page_of("a<script>var b;</script><style>c{}</style><!-- d --><noscript>e</noscript>"
                    "<template>f</template>g")
                .text,
            "a g");
}

TEST(page, decodes_entities) {
  EXPECT_EQ(page_of("<title>a &amp; b</title>&lt;p&gt; &eacute; &#8364;").text, "<p> é €");
  EXPECT_EQ(page_of("<title>a &amp; b</title>").title, "a & b");
}

TEST(page, without_a_title_takes_the_first_heading) {
  EXPECT_EQ(page_of("<h1></h1><h1>One <i>and</i></h1><h1>Two</h1>").title, "One and");
  EXPECT_EQ(page_of("<svg><title>Not this</title></svg><h1>This</h1>").title, "This");
}

TEST(page, cuts_a_title_at_its_limit) {
  const auto with_title = [](std::size_t size) {
    return page_of("<title>" + std::string(size, 'x') + "</title>").title.size();
  };
  EXPECT_EQ(with_title(title_bytes_max - 1), title_bytes_max - 1);
  EXPECT_EQ(with_title(title_bytes_max), title_bytes_max);
  EXPECT_EQ(with_title(title_bytes_max + 1), title_bytes_max);
}

TEST(page, that_is_empty_has_nothing) {
  const Page page = page_of("");
  EXPECT_EQ(page.title, "");
  EXPECT_EQ(page.text, "");
  EXPECT_EQ(page.links, Links{});
}

TEST(page, names_each_link_once_and_itself_never) {
  const Page page = page_of(R"(<a href="a"></a><a href="a#x"></a><a href="./a"></a>
      <a href="#top"></a><a href="p.html#x"></a><a href="">e</a><area href="map"><a name="n">)");
  EXPECT_EQ(page.links, (Links{"http://h/d/a", "http://h/d/map"}));
}

TEST(page, leaves_out_links_that_are_no_web_pages) {
  EXPECT_EQ(
      page_of("<a href='mailto:a@b'></a><a href='javascript:x()'></a><a href='ftp://h/'>").links,
      Links{});
}

TEST(page, resolves_links_at_its_base_element) {
  EXPECT_EQ(page_of("<base href='/other/'><base href='/no/'><a href='a'>").links,
            Links{"http://h/other/a"});
  EXPECT_EQ(page_of("<base href='mailto:x'><a href='a'>").links, Links{"http://h/d/a"});
}

TEST(page, says_what_robots_may_do) {
  EXPECT_TRUE(page_of("<a href=a>").may_index);
  EXPECT_FALSE(page_of("<meta name=Robots content='NoIndex, follow'>").may_index);
  EXPECT_EQ(page_of("<meta name=robots content=nofollow><a href=a>").links, Links{});
  EXPECT_TRUE(page_of("<meta name=robots content=nofollow><a href=a>").may_index);
  EXPECT_FALSE(page_of("<meta name=narada content=none>").may_index);
  EXPECT_TRUE(page_of("<meta name=otherbot content=none>").may_index);
}

TEST(page, may_be_badly_broken) {
  const Page page = page_of("<table><p>a<b><div></b>b</div><td>c</i></p></body>d<a href='x'");
  EXPECT_EQ(page.text, "a b c d");
}

std::string repeated(std::string_view text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

TEST(page, may_nest_deeper_than_any_stack) {
  const Page page = page_of("<title>t</title>" + repeated("<i><b>", 3000) + "deep");
  EXPECT_EQ(page.text, "deep");
}

TEST(page, that_would_take_for_ever_is_given_up_in_time) {
  const auto before = std::chrono::steady_clock::now();
  const auto page = read_page(repeated("<div>", 1'000'000), "http://h/",
                              {.time_max = std::chrono::milliseconds{200}});
  EXPECT_FALSE(page);
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(5));
}

TEST(page, that_needs_too_much_memory_is_given_up) {
  const std::string html = repeated("<p>x", 10'000);
  EXPECT_FALSE(read_page(html, "http://h/", {.memory_bytes_max = 1 << 20}));
  EXPECT_TRUE(read_page(html, "http://h/", {.memory_bytes_max = 64 << 20}));
}

}  // namespace
}  // namespace gman::narada
