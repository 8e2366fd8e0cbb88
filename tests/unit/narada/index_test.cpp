// SPDX-License-Identifier: BSD-3-Clause
#include "examples/narada/index.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <filesystem>

namespace gman::narada {
namespace {

class index : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "narada-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    auto opened = open_sqlite_index(path(), IndexUse::write);
    ASSERT_TRUE(opened) << opened.error().message();
    writer_ = std::move(*opened);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  [[nodiscard]] std::string path() const { return directory_ / "index.sqlite"; }

  void put(std::vector<Document> documents) { ASSERT_TRUE(writer_->put(documents)); }

  [[nodiscard]] std::vector<std::string> urls(std::string_view query) const {
    std::vector<std::string> found;
    const auto hits = writer_->search(query, 10);
    EXPECT_TRUE(hits) << query << ": " << hits.error().message();
    if (!hits) return {"error"};
    for (const Hit& hit : *hits) found.push_back(hit.url);
    return found;
  }

  std::filesystem::path directory_;
  std::unique_ptr<Index> writer_;
};

using Urls = std::vector<std::string>;

TEST_F(index, finds_documents_that_hold_all_words_best_first) {
  put({{"u:text", "Other", "all about vacuum and freeze, among much else that is said here"},
       {"u:title", "Vacuum freeze", "a page on vacuum and freeze"},
       {"u:one", "Vacuum", "nothing else"}});
  EXPECT_EQ(urls("vacuum freeze"), (Urls{"u:title", "u:text"}));
}

TEST_F(index, finds_documents_with_any_word_when_none_holds_all) {
  put({{"u:1", "One", "apple"}, {"u:2", "Two", "pear"}});
  EXPECT_EQ(urls("apple unicorn"), Urls{"u:1"});
}

TEST_F(index, ignores_case_accents_and_english_endings) {
  put({{"u:1", "Café", "Vacuuming tables"}});
  EXPECT_EQ(urls("cafe"), Urls{"u:1"});
  EXPECT_EQ(urls("VACUUM table"), Urls{"u:1"});
}

TEST_F(index, finds_names_with_underscores_as_phrases) {
  put({{"u:1", "a", "the view pg_stat_activity shows"}, {"u:2", "b", "stat pg activity"}});
  EXPECT_EQ(urls("pg_stat_activity"), Urls{"u:1"});
}

TEST_F(index, takes_a_quoted_part_as_a_phrase) {
  put({{"u:1", "a", "write ahead log"}, {"u:2", "b", "ahead of the log we write"}});
  EXPECT_EQ(urls("\"write ahead\" log"), Urls{"u:1"});
}

TEST_F(index, never_fails_on_what_people_type) {
  put({{"u:1", "c", "select or near not and"}});
  for (const char* query : {"",
                            " ",
                            "\"",
                            "\"\"",
                            "*",
                            "AND",
                            "NOT",
                            "a OR",
                            "(",
                            "a:b",
                            "^x",
                            "NEAR(a b",
                            "col:x",
                            "'; DROP TABLE page; --",
                            "-x",
                            "+",
                            "a*",
                            "\"unfinished phrase",
                            "…",
                            "\xFF\xFE",
                            "{}",
                            "c++",
                            "\xE2\x80\x94"}) {
    const auto hits = writer_->search(query, 10);
    EXPECT_TRUE(hits) << query << ": " << hits.error().message();
  }
  EXPECT_EQ(urls("OR"), Urls{"u:1"});
  EXPECT_EQ(urls("— c"), Urls{"u:1"}) << "a word without letters takes nothing away";
}

TEST_F(index, replaces_a_document_that_comes_again) {
  put({{"u:1", "Old", "apple"}});
  put({{"u:1", "New", "pear"}});
  EXPECT_EQ(urls("apple"), Urls{});
  EXPECT_EQ(urls("pear"), Urls{"u:1"});
}

TEST_F(index, keeps_the_last_of_equal_urls_in_a_batch) {
  put({{"u:1", "Old", "apple"}, {"u:1", "New", "pear"}});
  EXPECT_EQ(urls("apple pear"), Urls{"u:1"});
  EXPECT_EQ(writer_->search("pear", 10)->front().title, "New");
}

TEST_F(index, marks_the_words_in_a_snippet_and_scores_higher_for_better) {
  put({{"u:1", "x", "a freeze b"}, {"u:2", "Freeze", "a freeze b"}});
  const auto hits = writer_->search("freeze", 10);
  ASSERT_TRUE(hits);
  ASSERT_EQ(hits->size(), 2u);
  EXPECT_EQ(hits->front().url, "u:2");
  EXPECT_EQ(hits->front().snippet, "a **freeze** b");
  EXPECT_GT(hits->front().score, hits->back().score);
}

TEST_F(index, returns_at_most_as_many_hits_as_asked_for) {
  put({{"u:1", "x", "a"}, {"u:2", "x", "a"}, {"u:3", "x", "a"}});
  EXPECT_EQ(writer_->search("x", 2)->size(), 2u);
}

TEST_F(index, shows_a_reader_what_a_writer_committed) {
  auto reader = open_sqlite_index(path(), IndexUse::read);
  ASSERT_TRUE(reader) << reader.error().message();
  EXPECT_EQ((*reader)->search("apple", 10)->size(), 0u);
  put({{"u:1", "x", "apple"}});
  EXPECT_EQ((*reader)->search("apple", 10)->size(), 1u);
}

TEST_F(index, that_is_not_there_is_trouble_that_names_the_file) {
  const auto reader = open_sqlite_index("/nonexistent/index.sqlite", IndexUse::read);
  ASSERT_FALSE(reader);
  EXPECT_NE(reader.error().message().find("/nonexistent/index.sqlite"), std::string::npos);
}

}  // namespace
}  // namespace gman::narada
