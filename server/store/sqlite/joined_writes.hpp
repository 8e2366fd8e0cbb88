// SPDX-License-Identifier: BSD-3-Clause
// joined_writes: SQLite's way to files (its VFS), but what it writes to its log in one piece after
// the other goes to the system as one write.
//
// SQLite writes each changed page as 24 bytes and then 4096: some 56 calls for a commit of 256
// small jobs. Kept back, they are one, which takes a tenth of the processor time off such a commit
// (300 us become 265, and 10.4 become 9.1 for one job; fdatasync's own time comes on top). What is
// kept back is written before anything else is done with the file: before it is synced, read,
// measured, cut or closed. A commit under synchronous=FULL syncs before it says to anybody, in this
// process or another, that the log has become longer; so nobody looks for what is not there yet.
#pragma once

namespace gman::sqlite {

/// The name to open a database with; nullptr, which stands for SQLite's own, where there is none.
[[nodiscard]] const char* joined_writes();

}  // namespace gman::sqlite
