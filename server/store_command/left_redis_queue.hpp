// SPDX-License-Identifier: BSD-3-Clause
// What gearmand's queue in Redis has left. Each job is a key, "<prefix>-<function>-<unique>", and a
// hash with data and priority, since 2.0 with function and unique, too; before priorities were kept
// it was a string. A key alone does not say where a function with a dash in its name ends: before
// 2.0 it is taken to end at the first one, as gearmand itself takes it, or before a UUID, which
// libgearman makes for jobs that have no unique.
#pragma once

#include <string>

#include "server/store_command/left_queue.hpp"

namespace gman {

/// `from` is redis://… or redis+unix://….
[[nodiscard]] OpenedLeftQueue open_left_redis_queue(const std::string& from,
                                                    const std::string& prefix);

}  // namespace gman
