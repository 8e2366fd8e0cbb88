// SPDX-License-Identifier: BSD-3-Clause
// own_vfs: SQLite's own way to files, and other ways that begin as it does.
#pragma once

#include <sqlite3.h>

#include <cstddef>

namespace gman::sqlite {

/// SQLite's own. Requires: make_vfs() has given one.
[[nodiscard]] sqlite3_vfs* own_vfs();

using OpenFile = int(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* flags_out);

/// Another one of that name, with room for as many more bytes behind or before each file of
/// SQLite's, and its own way to open one. The name, or nullptr where SQLite has none. Once for each
/// name; it stays.
[[nodiscard]] const char* make_vfs(const char* name, std::size_t more_bytes, OpenFile* open);

}  // namespace gman::sqlite
