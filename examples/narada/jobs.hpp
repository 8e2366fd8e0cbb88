// SPDX-License-Identifier: BSD-3-Clause
// The functions that Narada's workers serve, and what their workloads look like.
//
//   index_url     a URL, as its row has it; nothing else
//   insert_links  {"depth": 1, "urls": ["http://…", …]}
//   index_page    {"url": "…", "title": "…", "text": "…"}
//   search        what a person typed; answered by
//                 [{"rank": 1, "title": "…", "url": "…", "snippet": "…", "score": 1.5}, …]
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "examples/narada/index.hpp"

namespace gman::narada {

inline constexpr const char* index_url_function = "index_url";
inline constexpr const char* insert_links_function = "insert_links";
inline constexpr const char* index_page_function = "index_page";
inline constexpr const char* search_function = "search";

/// URLs of one insert_links job; more are sent as several, so that no transaction gets long.
inline constexpr std::size_t links_per_job_max = 250;
inline constexpr std::size_t hits_max = 10;

struct Links {
  int depth = 0;
  std::vector<std::string> urls;
};

[[nodiscard]] std::string links_workload(int depth, std::span<const std::string> urls);
/// nullopt: not a workload of this function.
[[nodiscard]] std::optional<Links> parse_links(std::string_view workload);

[[nodiscard]] std::string page_workload(std::string_view url, std::string_view title,
                                        std::string_view text);
[[nodiscard]] std::optional<Document> parse_page(std::string_view workload);

[[nodiscard]] std::string search_answer(std::span<const Hit> hits);

}  // namespace gman::narada
