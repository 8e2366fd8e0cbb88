// SPDX-License-Identifier: BSD-3-Clause
// `gmand store salvage`: what can be read of a damaged file goes into a new one beside it. The
// damaged one is left as it is.
#pragma once

#include <string>

#include "server/store_command/store_command.hpp"

namespace gman {

/// `to` must not be there yet.
[[nodiscard]] StoreCommandEnd salvage_sqlite(const std::string& path, const std::string& to);

}  // namespace gman
