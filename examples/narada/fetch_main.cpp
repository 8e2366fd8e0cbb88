// SPDX-License-Identifier: BSD-3-Clause
// narada-fetch: takes a URL's row, fetches the page, hands its links to narada-insert and its text
// to narada-index.
#include <gman/gman.h>

#include "examples/narada/jobs.hpp"
#include "examples/narada/program.hpp"
#include "examples/narada/sender.hpp"
#include "examples/narada/url_table.hpp"

namespace gman::narada {
namespace {

struct Settings {
  std::string dsn;
  std::string site;
  int depth_max = 2;
  FetchSettings fetch;
};

class Crawler {
 public:
  Crawler(const Settings& settings, Site site, std::unique_ptr<UrlTable> table,
          const std::string& servers)
      : depth_max_(settings.depth_max),
        site_(std::move(site)),
        table_(std::move(table)),
        sender_(servers),
        fetchers_([fetch = settings.fetch]() -> Result<std::unique_ptr<Fetcher>> {
          return std::make_unique<Fetcher>(fetch);
        }) {}

  // One attempt. When the process dies or trouble stops it half-way, the next attempt starts from
  // the beginning: everything here may be done twice.
  Result<std::string> crawl(const std::string& url) {
    const auto claim = table_->claim(url);
    if (!claim) return claim.error();
    if (!claim->is_open) return std::string();

    auto fetcher = fetchers_.take();
    if (!fetcher) return fetcher.error();
    Visit visited = visit(url, site_, **fetcher, robots_);
    fetchers_.give_back(std::move(*fetcher));

    std::string page = page_workload(url, visited.title, visited.text);
    if (page.size() > GMAN_WORKLOAD_BYTES_MAX) {
      visited.end = Visit::End::failed;
      visited.reason = "more text than a job may carry";
    }
    // Links first: once finish() has closed a row, as it does for a redirect, the next attempt
    // finds nothing to do. The text last: narada-index marks only rows that are `fetched`.
    const int depth = claim->depth + (visited.links_are_this_page ? 0 : 1);
    if (depth <= depth_max_) {
      if (const auto sent = send_links(depth, visited.links); !sent) return sent.error();
    }
    const auto ours = table_->finish(url, *claim, visited);
    if (!ours) return ours.error();
    if (*ours && visited.end == Visit::End::page) {
      if (const auto sent = sender_.send(index_page_function, page); !sent) return sent.error();
    }
    return std::string();
  }

 private:
  Result<void> send_links(int depth, std::span<const std::string> links) {
    while (!links.empty()) {
      const auto some = links.first(std::min(links.size(), links_per_job_max));
      auto sent = sender_.send(insert_links_function, links_workload(depth, some));
      if (!sent) return sent;
      links = links.subspan(some.size());
    }
    return {};
  }

  int depth_max_;
  Site site_;
  std::unique_ptr<UrlTable> table_;
  Sender sender_;
  RobotsCache robots_;
  Pool<Fetcher> fetchers_;
};

void add_options(CLI::App& options, Settings& settings, int& time_max_ms) {
  options
      .add_option("--site", settings.site,
                  "crawl only URLs that start so; by default, what shares its origin with the "
                  "page that links there")
      ->type_name("PREFIX");
  options.add_option("--depth", settings.depth_max, "follow links so many times")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  options
      .add_option("--user-agent", settings.fetch.user_agent,
                  "its first word is what robots.txt may call us")
      ->capture_default_str();
  options
      .add_option("--page-bytes-max", settings.fetch.page_bytes_max, "larger pages are failures")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  options.add_option("--fetch-timeout-ms", time_max_ms, "for one request, from start to end")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
}

}  // namespace
}  // namespace gman::narada

int main(int argc, char** argv) {
  using namespace gman::narada;
  Program program("narada-fetch", "Fetches the pages whose URLs are rows of the table `url`.", 8);
  Settings settings;
  auto time_max_ms = static_cast<int>(settings.fetch.time_max.count());
  program.add_database(settings.dsn);
  add_options(program.options(), settings, time_max_ms);

  std::unique_ptr<Crawler> crawler;
  return program.serve(argc, argv, index_url_function, [&]() -> Result<Work> {
    settings.fetch.time_max = std::chrono::milliseconds(time_max_ms);
    auto site = Site::parse(settings.site);
    if (!site) return Trouble::lasting("--site: not an http or https URL: " + settings.site);
    auto table = UrlTable::at(settings.dsn);
    if (!table) return table.error();
    crawler =
        std::make_unique<Crawler>(settings, std::move(*site), std::move(*table), program.servers());
    return [&crawler](const std::string& url) { return crawler->crawl(url); };
  });
}
