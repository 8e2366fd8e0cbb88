// SPDX-License-Identifier: BSD-3-Clause
// What becomes of one URL: every rule of the crawl between "its turn has come" and "this is what
// is in it", without database or job server.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "examples/narada/fetch.hpp"
#include "examples/narada/html.hpp"
#include "examples/narada/robots.hpp"
#include "examples/narada/url.hpp"

namespace gman::narada {

inline constexpr int redirects_max = 5;

struct Visit {
  enum class End : std::uint8_t {
    page,     ///< to be indexed: `title` and `text`
    failed,   ///< it should have been a page; `reason`
    skipped,  ///< it is none of ours, or is another row's; `reason`
  };
  End end = End::failed;
  std::string reason;
  std::string title;
  std::string text;
  bool was_read = false;             ///< a page came, whatever became of it
  std::size_t bytes = 0;             ///< of that page
  std::vector<std::string> links;    ///< on the site and allowed by robots.txt
  bool links_are_this_page = false;  ///< `links` is this page's right URL, at the same depth
  std::size_t links_off_site = 0;
  std::size_t links_forbidden = 0;

  static Visit failed(std::string reason) { return {End::failed, std::move(reason)}; }
  static Visit skipped(std::string reason) { return {End::skipped, std::move(reason)}; }
  /// Skipped in favour of `url`, which stands for the same page.
  static Visit elsewhere(std::string reason, std::string url);
};

/// robots.txt of every origin that was met lately. Any number of threads.
class RobotsCache {
 public:
  struct Entry {
    Robots robots;
    /// Why robots.txt could not be had, which forbids everything; else empty.
    std::string trouble;
    std::chrono::steady_clock::time_point expires;
  };

  [[nodiscard]] std::shared_ptr<const Entry> of(std::string_view origin, Fetcher& fetcher);

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const Entry>, std::less<>> entries_;
};

/// Fetches `url`, which is whatever somebody put into the table.
[[nodiscard]] Visit visit(const std::string& url, const Site& site, Fetcher& fetcher,
                          RobotsCache& robots);

}  // namespace gman::narada
