// SPDX-License-Identifier: BSD-3-Clause
// `gmand store import`: what gearmand left in a queue table becomes jobs of a store.
#pragma once

#include <string>

#include "server/store_command/store_command.hpp"

namespace gman {

struct ImportWords {
  std::string to;     ///< the store, by its URL; made where there is none
  std::string from;   ///< left_queue.hpp
  std::string table;  ///< empty: gearmand's own name
  bool again = false;
};

[[nodiscard]] StoreCommandEnd import_queue(const ImportWords& words);

}  // namespace gman
