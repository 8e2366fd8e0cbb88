// SPDX-License-Identifier: BSD-3-Clause
// `gmand store check`: is the file sound, and what is in it? Changes nothing.
#pragma once

#include <string>

#include "server/store_command/store_command.hpp"

namespace gman {

[[nodiscard]] StoreCommandEnd check_sqlite(const std::string& path);

}  // namespace gman
