// SPDX-License-Identifier: BSD-3-Clause
// What the process may take of its machine.
#pragma once

#include <cstdint>

namespace gman {

/// 0: as many descriptors as the system allows. Throws StartError when it does not allow so many.
void set_descriptor_limit(std::uint32_t descriptors);
/// Call it after the user was changed, which forbids core files. Throws StartError.
void allow_core_file();
/// Memory of large packets goes back to the system when it is freed.
void give_large_blocks_back();

}  // namespace gman
