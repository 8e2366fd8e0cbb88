// SPDX-License-Identifier: BSD-3-Clause
// URLs that people and logs may see.
#pragma once

#include <string>
#include <string_view>

namespace gman {

/// "mysql://user:PASSWORD@host/db": each password in it is that word now. What may be a part of one
/// that was not percent-encoded is left out with it.
[[nodiscard]] std::string without_password(std::string_view url);

}  // namespace gman
