// SPDX-License-Identifier: BSD-3-Clause
#include "examples/narada/visit.hpp"

#include <algorithm>

#include "examples/narada/charset.hpp"

namespace gman::narada {
namespace {

constexpr std::size_t origins_max = 1000;
constexpr std::chrono::minutes robots_age_max{10};
constexpr std::chrono::seconds robots_trouble_age_max{30};

// "narada" of "narada/0.1 (+https://…)".
std::string product_token(std::string_view user_agent) {
  return std::string(user_agent.substr(0, user_agent.find_first_of("/ (")));
}

std::string http(long status) {
  return "HTTP " + std::to_string(status);
}

RobotsCache::Entry without_robots(std::string trouble) {
  return {trouble.empty() ? Robots::allow_all() : Robots::disallow_all(), std::move(trouble), {}};
}

// RFC 9309, 2.3.1: a robots.txt that is not there allows everything, a server in trouble nothing.
// Redirects are followed within the origin.
RobotsCache::Entry fetch_robots(std::string_view origin, Fetcher& fetcher) {
  std::string url = std::string(origin) + "/robots.txt";
  for (int hop = 0; hop <= redirects_max; ++hop) {
    Answer answer = fetcher.get(url, Want::anything);
    switch (answer.end) {
      case Answer::End::body:
      case Answer::End::too_large:  // the rules at its beginning hold
        return {Robots::parse(answer.body, product_token(fetcher.settings().user_agent)), {}, {}};
      case Answer::End::redirect:
        if (answer.location.empty() || url_origin(answer.location) != origin) {
          return without_robots({});
        }
        url = answer.location;
        break;
      case Answer::End::status:
        return without_robots(answer.status >= 500 ? http(answer.status) : std::string());
      case Answer::End::timed_out: return without_robots("timeout");
      case Answer::End::failed: return without_robots(answer.detail);
      case Answer::End::not_wanted: return without_robots({});
    }
  }
  return without_robots({});
}

// Leaves those links that the crawl may follow, and counts the others.
void keep_followable(Visit& visited, const std::string& page, const Site& site, Fetcher& fetcher,
                     RobotsCache& robots) {
  std::erase_if(visited.links, [&](const std::string& link) {
    if (!site.reaches(page, link)) {
      ++visited.links_off_site;
      return true;
    }
    if (!robots.of(url_origin(link), fetcher)->robots.allows(url_target(link))) {
      ++visited.links_forbidden;
      return true;
    }
    return false;
  });
}

Visit read(const Answer& answer, const std::string& url, const Site& site, Fetcher& fetcher,
           RobotsCache& robots) {
  auto page = read_page(to_utf8(answer.body, answer.content_type), url);
  if (!page) return Visit::failed("too much work to parse");
  Visit visited;
  visited.end = page->may_index ? Visit::End::page : Visit::End::skipped;
  if (!page->may_index) visited.reason = "noindex";
  visited.title = std::move(page->title);
  visited.text = std::move(page->text);
  visited.was_read = true;
  visited.bytes = answer.body.size();
  visited.links = std::move(page->links);
  keep_followable(visited, url, site, fetcher, robots);
  return visited;
}

}  // namespace

Visit Visit::elsewhere(std::string reason, std::string url) {
  Visit visited = skipped(std::move(reason));
  visited.links.push_back(std::move(url));
  visited.links_are_this_page = true;
  return visited;
}

std::shared_ptr<const RobotsCache::Entry> RobotsCache::of(std::string_view origin,
                                                          Fetcher& fetcher) {
  {
    const std::lock_guard lock(mutex_);
    const auto known = entries_.find(origin);
    if (known != entries_.end() && known->second->expires > std::chrono::steady_clock::now()) {
      return known->second;
    }
  }
  // Fetched without the lock: two threads may ask at the same time, which does no harm.
  Entry entry = fetch_robots(origin, fetcher);
  entry.expires = std::chrono::steady_clock::now();
  entry.expires += entry.trouble.empty() ? robots_age_max : robots_trouble_age_max;
  auto shared = std::make_shared<const Entry>(std::move(entry));
  const std::lock_guard lock(mutex_);
  if (entries_.size() >= origins_max) entries_.clear();
  entries_.insert_or_assign(std::string(origin), shared);
  return shared;
}

Visit visit(const std::string& url, const Site& site, Fetcher& fetcher, RobotsCache& robots) {
  const auto start = normal_url(url);
  if (!start) return Visit::failed("not an http or https URL of at most 2048 bytes");
  if (!site.contains(*start)) return Visit::skipped("off-site");
  if (*start != url) return Visit::elsewhere("the same page as " + *start, *start);

  std::string at = *start;
  std::vector<std::string> visited{at};
  while (true) {
    const auto rules = robots.of(url_origin(at), fetcher);
    if (!rules->trouble.empty()) return Visit::failed("robots.txt: " + rules->trouble);
    if (!rules->robots.allows(url_target(at))) return Visit::skipped("robots.txt");

    const Answer answer = fetcher.get(at, Want::html);
    switch (answer.end) {
      case Answer::End::body:
        if (at != *start) return Visit::elsewhere("redirect to " + at, at);
        return read(answer, at, site, fetcher, robots);
      case Answer::End::redirect: break;
      case Answer::End::not_wanted: return Visit::skipped("not HTML: " + answer.detail);
      case Answer::End::status: return Visit::failed(http(answer.status));
      case Answer::End::too_large:
        return Visit::failed("larger than " + std::to_string(fetcher.settings().page_bytes_max) +
                             " bytes");
      case Answer::End::timed_out:
        return Visit::failed("timeout after " +
                             std::to_string(fetcher.settings().time_max.count()) + " ms");
      case Answer::End::failed: return Visit::failed(answer.detail);
    }

    if (answer.location.empty()) return Visit::failed(http(answer.status) + " without a location");
    if (!site.reaches(*start, answer.location)) return Visit::skipped("off-site redirect");
    at = answer.location;
    if (std::find(visited.begin(), visited.end(), at) != visited.end()) {
      return Visit::failed("redirect loop");
    }
    if (visited.size() > redirects_max) {
      return Visit::failed("more than " + std::to_string(redirects_max) + " redirects");
    }
    visited.push_back(at);
  }
}

}  // namespace gman::narada
