// SPDX-License-Identifier: BSD-3-Clause
// narada-search: answers searches from the index, as a JSON array of the best pages.
#include "examples/narada/jobs.hpp"
#include "examples/narada/pool.hpp"
#include "examples/narada/program.hpp"

int main(int argc, char** argv) {
  using namespace gman::narada;
  Program program("narada-search", "Answers searches from the index.", 2);
  std::string path;
  program.add_index(path);

  // Opened when it is first asked for: there may be no index yet.
  Pool<Index> indexes([&path] { return open_sqlite_index(path, IndexUse::read); });
  return program.serve(argc, argv, search_function, [&]() -> Result<Work> {
    return [&indexes](const std::string& query) -> Result<std::string> {
      auto index = indexes.take();
      if (!index) return index.error();
      const auto hits = (*index)->search(query, hits_max);
      if (!hits) return hits.error();
      indexes.give_back(std::move(*index));
      return search_answer(*hits);
    };
  });
}
