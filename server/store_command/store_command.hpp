// SPDX-License-Identifier: BSD-3-Clause
// `gmand store`: what people do with a store, with no server on it: see whether it is sound, save
// what can be saved, and take over what gearmand left behind.
#pragma once

namespace gman {

/// Its exit codes, which scripts rely on.
enum class StoreCommandEnd : int {
  good = 0,
  damaged = 1,  ///< or not all of it could be had
  mistake = 2,  ///< in the command, or it cannot be done here
};

/// `words` begin with "store".
[[nodiscard]] int run_store_command(int count, const char* const* words);

}  // namespace gman
