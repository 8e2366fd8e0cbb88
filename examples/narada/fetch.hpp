// SPDX-License-Identifier: BSD-3-Clause
// One HTTP request, bounded in time and size. Redirects are reported, not followed: whether the
// next hop may be asked is for the caller's rules (site, robots.txt, number of hops).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace gman::narada {

struct FetchSettings {
  /// Its first word is the product token that robots.txt may name.
  std::string user_agent = "narada/0.1";
  std::size_t page_bytes_max = std::size_t{8} << 20;
  /// For all of one request: name, connection, headers and body.
  std::chrono::milliseconds time_max{15'000};
};

enum class Want : std::uint8_t { html, anything };

struct Answer {
  enum class End : std::uint8_t {
    body,        ///< 2xx, and the body is wanted
    redirect,    ///< 3xx: see `location`
    not_wanted,  ///< 2xx, but not HTML: `detail` is the content type; the body was not read
    status,      ///< any other status
    too_large,
    timed_out,
    failed,  ///< no HTTP answer: `detail` says why
  };
  End end = End::failed;
  long status = 0;
  std::string content_type;
  /// As it was sent, with transfer and content encodings undone; of one that is too large, the
  /// beginning.
  std::string body;
  std::string location;  ///< a normal URL; empty when the server named none that is
  std::string detail;
};

/// Keeps its connections between requests. One thread at a time.
class Fetcher {
 public:
  explicit Fetcher(FetchSettings settings);
  ~Fetcher();
  Fetcher(const Fetcher&) = delete;
  Fetcher& operator=(const Fetcher&) = delete;

  /// Requires: `url` is normal.
  [[nodiscard]] Answer get(const std::string& url, Want want);
  [[nodiscard]] const FetchSettings& settings() const { return settings_; }

 private:
  struct Close {
    void operator()(void* handle) const;
  };

  FetchSettings settings_;
  std::unique_ptr<void, Close> handle_;
};

}  // namespace gman::narada
