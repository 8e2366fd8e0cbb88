// SPDX-License-Identifier: BSD-3-Clause
// The part of every job handle that says which run of which server made it.
#pragma once

#include <string>
#include <string_view>

#include "base/time.hpp"

namespace gman {

/// "H:<host>:<start>": the host's name, cut to 24 bytes, and the milliseconds since 1970 of the
/// start in base 36. The engine appends ":<number>". So no handle is used again after a restart,
/// while gearmand starts at 1 each time and an old handle names a new job.
[[nodiscard]] std::string handle_prefix(std::string_view host, WallTime start);

/// The same with a prefix that the operator chose: "<prefix>:<start>".
[[nodiscard]] std::string with_start(std::string_view prefix, WallTime start);

}  // namespace gman
