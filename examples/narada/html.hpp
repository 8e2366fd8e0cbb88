// SPDX-License-Identifier: BSD-3-Clause
// An HTML page -> what a search engine wants of it: title, text, links.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gman::narada {

inline constexpr std::size_t title_bytes_max = 300;

struct Page {
  std::string title;  ///< of <title>, else of the first <h1>; may be empty
  std::string text;   ///< what a reader sees, blanks collapsed
  std::vector<std::string>
      links;               ///< normal URLs in order of appearance, each once, without itself
  bool may_index = true;   ///< false: <meta name=robots content=noindex>
  bool may_follow = true;  ///< false: … nofollow; `links` is empty then
};

/// The parser's cost may grow with the square of the nesting, so a page of some megabytes can be
/// made to take hours. It gets this much and no more.
struct ParseLimits {
  std::size_t memory_bytes_max = std::size_t{512} << 20;
  std::chrono::milliseconds time_max{10'000};
};

/// nullopt: the page needs more than the limits. Requires: `html` is UTF-8, `url` is normal.
[[nodiscard]] std::optional<Page> read_page(std::string_view html, std::string_view url,
                                            const ParseLimits& limits = {});

}  // namespace gman::narada
