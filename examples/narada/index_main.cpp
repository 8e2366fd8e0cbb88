// SPDX-License-Identifier: BSD-3-Clause
// narada-index: writes pages into the index and says so in their rows. One process per index.
#include "examples/narada/indexer.hpp"
#include "examples/narada/jobs.hpp"
#include "examples/narada/program.hpp"
#include "examples/narada/url_table.hpp"

int main(int argc, char** argv) {
  using namespace gman::narada;
  Program program("narada-index", "Writes pages into the index. One process per index.", 32);
  std::string dsn;
  std::string path;
  program.add_database(dsn);
  program.add_index(path);

  std::unique_ptr<UrlTable> table;
  std::unique_ptr<Index> index;
  Indexer indexer([&](std::span<const Document> documents) -> Result<void> {
    if (auto done = index->put(documents); !done) return done;
    std::vector<std::string> urls;
    for (const Document& document : documents) urls.push_back(document.url);
    return table->mark_indexed(urls);
  });
  return program.serve(argc, argv, index_page_function, [&]() -> Result<Work> {
    auto opened_table = UrlTable::at(dsn);
    if (!opened_table) return opened_table.error();
    table = std::move(*opened_table);
    auto opened_index = open_sqlite_index(path, IndexUse::write);
    if (!opened_index) return opened_index.error();
    index = std::move(*opened_index);
    return [&indexer](const std::string& workload) -> Result<std::string> {
      auto page = parse_page(workload);
      if (!page) return Trouble::lasting("not an index_page workload");
      if (const auto done = indexer.put(std::move(*page)); !done) return done.error();
      return std::string();
    };
  });
}
