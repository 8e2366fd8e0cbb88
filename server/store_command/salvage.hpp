// SPDX-License-Identifier: BSD-3-Clause
// `gmand store salvage`: what can be read of a store goes into a new one, and the old one is left
// as it is.
#pragma once

#include <string>

#include "server/store_command/store_command.hpp"

namespace gman {

/// `to` is a store's URL, or the path of a new file. Empty: where `url` is a file, that and
/// ".salvaged".
[[nodiscard]] StoreCommandEnd salvage_store(const std::string& url, const std::string& to);

}  // namespace gman
