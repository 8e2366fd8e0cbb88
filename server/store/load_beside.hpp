// SPDX-License-Identifier: BSD-3-Clause
// load_beside: Store::load() on a thread of its own, while what it has read is taken here. Reading
// a row takes about as long as making it a job again.
#pragma once

#include <optional>

#include "server/store/store.hpp"

namespace gman {

/// As store.load(), with its callbacks on the calling thread. The other one has ended by the
/// return.
[[nodiscard]] std::optional<StoreFault> load_beside(Store& store, const Store::Take& take,
                                                    const Store::SetAside& set_aside);

}  // namespace gman
