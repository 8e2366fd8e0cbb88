// SPDX-License-Identifier: BSD-3-Clause
// URLs as Narada uses them: one spelling per page, and the rule of what belongs to a site.
//
// A normal URL is http or https, has a lower-case host, no user, no default port, no `.` or `..`
// in its path, no fragment, and holds only the ASCII characters that a URI may hold. It is the
// primary key of a page's row.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace gman::narada {

/// Longer URLs are not followed. Bytes; the tables of sql/ agree.
inline constexpr std::size_t url_bytes_max = 2048;

/// The normal form of an absolute URL; nullopt when it has none.
[[nodiscard]] std::optional<std::string> normal_url(std::string_view url);

/// The normal URL that `reference`, as written in a page, means at `base`. As browsers do, blanks
/// around it are dropped and characters that a URI may not hold are percent-encoded.
/// Requires: `base` is normal.
[[nodiscard]] std::optional<std::string> resolve_url(std::string_view base,
                                                     std::string_view reference);

/// "http://host:port" of a normal URL.
[[nodiscard]] std::string_view url_origin(std::string_view url);

/// "/path?query" of a normal URL.
[[nodiscard]] std::string_view url_target(std::string_view url);

/// What a crawl may touch: the URLs at or below a prefix, or, when none is set, whatever shares
/// the origin of the page that links there.
class Site {
 public:
  /// nullopt: `prefix` is neither empty nor a URL.
  static std::optional<Site> parse(std::string_view prefix);

  /// May `url` be fetched at all, when somebody has put it into the table?
  [[nodiscard]] bool contains(std::string_view url) const;
  /// May the crawl go from `page` to `url`?
  [[nodiscard]] bool reaches(std::string_view page, std::string_view url) const;

 private:
  explicit Site(std::string prefix) : prefix_(std::move(prefix)) {}

  std::string prefix_;
};

}  // namespace gman::narada
