// SPDX-License-Identifier: BSD-3-Clause
// robots.txt as RFC 9309 has it: which targets of an origin a crawler may ask for.
//
// The longest matching rule decides, and Allow wins a tie. Groups that name our product token are
// taken together; only when there is none do the groups of `*` count. Lines that mean nothing to
// the RFC (Sitemap, Crawl-delay, rubbish) are passed over and end no group.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gman::narada {

/// What follows in a longer robots.txt is not read (the RFC asks for at least 500 KiB).
inline constexpr std::size_t robots_bytes_max = 500 * 1024;

class Robots {
 public:
  /// No robots.txt, or one that could not be had for a reason of ours (4xx): all is allowed.
  static Robots allow_all();
  /// The server is in trouble (5xx, no answer): nothing is allowed, says the RFC.
  static Robots disallow_all();
  /// `product` is the token that our User-Agent starts with, such as "narada".
  static Robots parse(std::string_view text, std::string_view product);

  /// `target` is "/path?query" of a normal URL.
  [[nodiscard]] bool allows(std::string_view target) const;

 private:
  struct Rule {
    std::string pattern;
    bool allow;
  };

  std::vector<Rule> rules_;
};

}  // namespace gman::narada
