// SPDX-License-Identifier: BSD-3-Clause
// narada-insert: puts the links that were found into the table. Its triggers do the rest.
#include <algorithm>

#include "examples/narada/jobs.hpp"
#include "examples/narada/program.hpp"
#include "examples/narada/url_table.hpp"

int main(int argc, char** argv) {
  using namespace gman::narada;
  Program program("narada-insert", "Puts links that were found into the table `url`.", 2);
  std::string dsn;
  program.add_database(dsn);

  std::unique_ptr<UrlTable> table;
  return program.serve(argc, argv, insert_links_function, [&]() -> Result<Work> {
    auto opened = UrlTable::at(dsn);
    if (!opened) return opened.error();
    table = std::move(*opened);
    return [&table](const std::string& workload) -> Result<std::string> {
      auto links = parse_links(workload);
      if (!links) return Trouble::lasting("not an insert_links workload");
      std::erase_if(links->urls, [](const std::string& url) { return normal_url(url) != url; });
      const auto done = table->insert_links(*links);
      if (!done) return done.error();
      return std::string();
    };
  });
}
