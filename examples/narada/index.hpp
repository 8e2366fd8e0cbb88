// SPDX-License-Identifier: BSD-3-Clause
// The search index behind one small interface, so that another engine can take SQLite's place.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "examples/narada/trouble.hpp"

namespace gman::narada {

struct Document {
  std::string url;
  std::string title;
  std::string text;
};

struct Hit {
  std::string url;
  std::string title;
  std::string snippet;  ///< a piece of the text, the words that were found between ** and **
  double score = 0;     ///< higher is better
};

/// One thread at a time. Any number of readers, in any process, beside one writer.
class Index {
 public:
  virtual ~Index() = default;
  /// Puts documents in, replacing those with the same URL: all of them, or none.
  [[nodiscard]] virtual Result<void> put(std::span<const Document> documents) = 0;
  /// The best documents for `query`, best first. Words in any form a person types; a part between
  /// double quotes is a phrase. Documents that hold all words, or, when there is none, any of them.
  [[nodiscard]] virtual Result<std::vector<Hit>> search(std::string_view query,
                                                        std::size_t hits_max) = 0;
};

enum class IndexUse { write, read };

/// The index in a SQLite file. A writer makes the file when there is none.
[[nodiscard]] Result<std::unique_ptr<Index>> open_sqlite_index(const std::string& path,
                                                               IndexUse use);

}  // namespace gman::narada
