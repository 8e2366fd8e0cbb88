// SPDX-License-Identifier: BSD-3-Clause
// `gmand store check`: is a store sound, and what is in it? Changes nothing.
#pragma once

#include <string>

#include "server/store_command/store_command.hpp"

namespace gman {

[[nodiscard]] StoreCommandEnd check_store(const std::string& url);

}  // namespace gman
