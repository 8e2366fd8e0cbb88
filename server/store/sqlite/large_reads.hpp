// SPDX-License-Identifier: BSD-3-Clause
// large_reads: SQLite's way to files (its VFS), but of a database it reads a piece at once, for who
// goes through all of it from the beginning.
//
// SQLite asks the system for one page after the other: 56,000 calls to check a million small jobs
// and to read them, which take a sixth of the time of both. What was read is kept, so this is for a
// connection that only looks, while nobody writes to the database itself (what is committed
// meanwhile is in the log, which is read as ever).
#pragma once

namespace gman::sqlite {

/// The name to open a database with; nullptr, which stands for SQLite's own, where there is none.
[[nodiscard]] const char* large_reads();

}  // namespace gman::sqlite
