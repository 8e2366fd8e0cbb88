// SPDX-License-Identifier: BSD-3-Clause
#include "examples/narada/url.hpp"

#include <gtest/gtest.h>

#include <random>
#include <utility>
#include <vector>

namespace gman::narada {
namespace {

TEST(url, has_one_normal_form) {
  const std::vector<std::pair<const char*, const char*>> table{
      {"http://h/", "http://h/"},
      {"http://h", "http://h/"},
      {"HTTP://Example.ORG/Path", "http://example.org/Path"},
      {"http://h:80/a", "http://h/a"},
      {"http://h:/a", "http://h/a"},
      {"https://h:443/a", "https://h/a"},
      {"http://h:443/a", "http://h:443/a"},
      {"http://h:8080/a", "http://h:8080/a"},
      {"http://h/a/./b/../c", "http://h/a/c"},
      {"http://h/../a", "http://h/a"},
      {"http://h/a#fragment", "http://h/a"},
      {"http://h#fragment", "http://h/"},
      {"http://h/a?q=1&r=%7Ex", "http://h/a?q=1&r=~x"},
      {"http://h?q", "http://h/?q"},
      {"http://h/%41%2f%e4", "http://h/A%2F%E4"},
      {"http://h/a/%2e%2E/b", "http://h/b"},
      {"http://h/..", "http://h/"},
      {"http://h//a//../b", "http://h//a/b"},
      {"http://h:0080/a?x=\\", "http://h/a?x=%5C"},
      {"http://h/a b", "http://h/a%20b"},
      {"http://h/caf\xC3\xA9", "http://h/caf%C3%A9"},
      {"http://h/100%", "http://h/100%25"},
      {"http://h/a[1]|{2}", "http://h/a%5B1%5D%7C%7B2%7D"},
      {" \n http://h/a \t", "http://h/a"},
      {"http://h/a\\b", "http://h/a/b"},
      {"http://h/a\tb\nc", "http://h/abc"},
      {"http://[::1]:8080/a", "http://[::1]:8080/a"},
  };
  for (const auto& [from, to] : table) EXPECT_EQ(normal_url(from), to) << from;
}

TEST(url, has_no_normal_form_when_it_cannot_be_fetched_by_http) {
  for (const char* url : {"",
                          "/a",
                          "a",
                          "//h/a",
                          "ftp://h/a",
                          "file:///etc/passwd",
                          "mailto:a@b",
                          "javascript:alert(1)",
                          "http:",
                          "http:///a",
                          "http:a",
                          "http://user:password@h/",
                          "http://h:65536/",
                          "http://h:0/",
                          "http://h:x/",
                          "http://[::1/",
                          "http://[x]/",
                          "http://::1/",
                          "http://h%41/",
                          "http://a b/"}) {
    EXPECT_EQ(normal_url(url), std::nullopt) << url;
  }
}

TEST(url, may_be_2048_bytes_long_and_no_longer) {
  const std::string longest = "http://h/" + std::string(url_bytes_max - 9, 'a');
  EXPECT_EQ(normal_url(longest), longest);
  EXPECT_EQ(normal_url(longest + "a"), std::nullopt);
  EXPECT_EQ(resolve_url("http://h/", std::string(url_bytes_max - 9, 'a')), longest);
  EXPECT_EQ(resolve_url("http://h/", std::string(url_bytes_max - 8, 'a')), std::nullopt);
}

// RFC 3986, section 5.4, as far as fragments and foreign schemes leave it.
TEST(url, resolves_references_as_the_rfc_has_it) {
  const std::vector<std::pair<const char*, const char*>> table{
      {"g", "http://a/b/c/g"},
      {"./g", "http://a/b/c/g"},
      {"g/", "http://a/b/c/g/"},
      {"/g", "http://a/g"},
      {"//g", "http://g/"},
      {"?y", "http://a/b/c/d;p?y"},
      {"g?y", "http://a/b/c/g?y"},
      {"#s", "http://a/b/c/d;p?q"},
      {"g#s", "http://a/b/c/g"},
      {";x", "http://a/b/c/;x"},
      {"", "http://a/b/c/d;p?q"},
      {".", "http://a/b/c/"},
      {"..", "http://a/b/"},
      {"../g", "http://a/b/g"},
      {"../..", "http://a/"},
      {"../../g", "http://a/g"},
      {"../../../g", "http://a/g"},
      {"/../g", "http://a/g"},
      {"g..", "http://a/b/c/g.."},
      {"./g/.", "http://a/b/c/g/"},
      {"g/../h", "http://a/b/c/h"},
      {"g;x=1/../y", "http://a/b/c/y"},
      {"g?y/../x", "http://a/b/c/g?y/../x"},
      {"https://other:443/x#y", "https://other/x"},
      {" g h ", "http://a/b/c/g%20h"},
      {"//[::1]/x", "http://[::1]/x"},
  };
  for (const auto& [reference, to] : table) {
    EXPECT_EQ(resolve_url("http://a/b/c/d;p?q", reference), to) << reference;
  }
}

TEST(url, leaves_references_alone_that_lead_out_of_the_web) {
  for (const char* reference :
       {"mailto:a@b", "javascript:void(0)", "data:text/html,x", "tel:123", "ftp://h/x"}) {
    EXPECT_EQ(resolve_url("http://a/", reference), std::nullopt) << reference;
  }
}

// Whatever a page may hold: it is refused or has a normal form that is its own normal form.
TEST(url, stays_normal_once_it_is_normal) {
  std::minstd_rand random{42};
  constexpr std::string_view alphabet = "ah1:/?#@[]%2e.\\ \t\xC3&=;";
  for (int i = 0; i < 200'000; ++i) {
    std::string text = i % 2 == 0 ? "http://h" : "";
    const auto size = random() % 24;
    for (unsigned long j = 0; j < size; ++j) text += alphabet[random() % alphabet.size()];
    for (const auto& url : {normal_url(text), resolve_url("http://h/a/b?c", text)}) {
      if (url) {
        ASSERT_EQ(normal_url(*url), *url) << text;
        ASSERT_EQ(resolve_url("http://other/x", *url), *url) << text;
      }
    }
  }
}

TEST(url, falls_into_origin_and_target) {
  EXPECT_EQ(url_origin("http://h:1/a/b?c"), "http://h:1");
  EXPECT_EQ(url_target("http://h:1/a/b?c"), "/a/b?c");
}

TEST(site, is_what_starts_with_its_prefix) {
  const auto site = Site::parse("HTTP://h:80/docs/");
  ASSERT_TRUE(site);
  EXPECT_TRUE(site->contains("http://h/docs/a"));
  EXPECT_FALSE(site->contains("http://h/other"));
  EXPECT_FALSE(site->contains("http://h.evil.example/docs/a"));
  EXPECT_TRUE(site->reaches("http://h/docs/a", "http://h/docs/b"));
  EXPECT_FALSE(site->reaches("http://h/docs/a", "http://h/b"));
}

TEST(site, without_a_prefix_is_the_origin_of_the_page) {
  const auto site = Site::parse("");
  ASSERT_TRUE(site);
  EXPECT_TRUE(site->contains("http://anything/"));
  EXPECT_TRUE(site->reaches("http://h/a", "http://h/b"));
  EXPECT_FALSE(site->reaches("http://h/a", "http://h:81/b"));
  EXPECT_FALSE(site->reaches("http://h/a", "https://h/b"));
  EXPECT_FALSE(site->reaches("http://h/a", "http://h.evil.example/b"));
}

TEST(site, is_refused_when_its_prefix_is_no_url) {
  EXPECT_FALSE(Site::parse("example.org"));
  EXPECT_FALSE(Site::parse("ftp://h/"));
}

}  // namespace
}  // namespace gman::narada
