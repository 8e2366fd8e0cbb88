// SPDX-License-Identifier: BSD-3-Clause
#include "examples/narada/jobs.hpp"

#include <boost/json.hpp>

namespace gman::narada {
namespace json = boost::json;
namespace {

std::optional<json::object> parse_object(std::string_view text) {
  json::error_code error;
  json::value value = json::parse(text, error);
  if (error || !value.is_object()) return std::nullopt;
  return std::move(value.as_object());
}

const json::string* text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value == nullptr ? nullptr : value->if_string();
}

}  // namespace

std::string links_workload(int depth, std::span<const std::string> urls) {
  return json::serialize(json::object{{"depth", depth}, {"urls", json::value_from(urls)}});
}

std::optional<Links> parse_links(std::string_view workload) {
  const auto object = parse_object(workload);
  if (!object) return std::nullopt;
  const json::value* depth = object->if_contains("depth");
  const json::value* urls = object->if_contains("urls");
  if (depth == nullptr || !depth->is_int64() || depth->get_int64() < 0 ||
      depth->get_int64() > 1'000'000 || urls == nullptr || !urls->is_array()) {
    return std::nullopt;
  }
  Links links;
  links.depth = static_cast<int>(depth->get_int64());
  for (const json::value& url : urls->get_array()) {
    if (!url.is_string()) return std::nullopt;
    links.urls.emplace_back(url.get_string());
  }
  return links;
}

std::string page_workload(std::string_view url, std::string_view title, std::string_view text) {
  return json::serialize(json::object{{"url", url}, {"title", title}, {"text", text}});
}

std::optional<Document> parse_page(std::string_view workload) {
  const auto object = parse_object(workload);
  if (!object) return std::nullopt;
  const json::string* url = text_of(*object, "url");
  const json::string* title = text_of(*object, "title");
  const json::string* text = text_of(*object, "text");
  if (url == nullptr || title == nullptr || text == nullptr) return std::nullopt;
  return Document{std::string(*url), std::string(*title), std::string(*text)};
}

std::string search_answer(std::span<const Hit> hits) {
  json::array answer;
  for (const Hit& hit : hits) {
    answer.push_back(json::object{{"rank", answer.size() + 1},
                                  {"title", hit.title.empty() ? hit.url : hit.title},
                                  {"url", hit.url},
                                  {"snippet", hit.snippet},
                                  {"score", hit.score}});
  }
  return json::serialize(answer);
}

}  // namespace gman::narada
