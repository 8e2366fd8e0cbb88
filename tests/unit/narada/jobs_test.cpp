// SPDX-License-Identifier: BSD-3-Clause
#include "examples/narada/jobs.hpp"

#include <gtest/gtest.h>

namespace gman::narada {
namespace {

TEST(insert_links, comes_back_as_it_was_sent) {
  const std::vector<std::string> urls{"http://h/a", "http://h/b?\"c\""};
  const auto links = parse_links(links_workload(2, urls));
  ASSERT_TRUE(links);
  EXPECT_EQ(links->depth, 2);
  EXPECT_EQ(links->urls, urls);
}

TEST(insert_links, is_refused_when_it_is_something_else) {
  for (const char* workload :
       {"", "x", "[]", "{}", "null", R"({"depth":1})", R"({"urls":[]})",
        R"({"depth":"1","urls":[]})", R"({"depth":-1,"urls":[]})", R"({"depth":1,"urls":"x"})",
        R"({"depth":1,"urls":[1]})", R"({"depth":1.5,"urls":[]})",
        R"({"depth":9223372036854775807,"urls":[]})", R"({"depth":1,"urls":[]} x)"}) {
    EXPECT_FALSE(parse_links(workload)) << workload;
  }
}

TEST(index_page, comes_back_as_it_was_sent) {
  const auto page = parse_page(page_workload("http://h/", "a \"title\"", "café\n\x01 \\"));
  ASSERT_TRUE(page);
  EXPECT_EQ(page->url, "http://h/");
  EXPECT_EQ(page->title, "a \"title\"");
  EXPECT_EQ(page->text, "café\n\x01 \\");
}

TEST(index_page, is_refused_when_it_is_something_else) {
  for (const char* workload :
       {"", "{}", "[1]", R"({"url":"u","title":"t"})", R"({"url":"u","title":"t","text":1})"}) {
    EXPECT_FALSE(parse_page(workload)) << workload;
  }
}

TEST(search, answers_ranked_hits_and_names_a_page_without_a_title_by_its_url) {
  const std::vector<Hit> hits{{"u:1", "One", "a **b**", 2.5}, {"u:2", "", "c", 1}};
  EXPECT_EQ(search_answer(hits),
            R"([{"rank":1,"title":"One","url":"u:1","snippet":"a **b**","score":2.5E0},)"
            R"({"rank":2,"title":"u:2","url":"u:2","snippet":"c","score":1E0}])");
  EXPECT_EQ(search_answer({}), "[]");
}

}  // namespace
}  // namespace gman::narada
