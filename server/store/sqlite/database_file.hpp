// SPDX-License-Identifier: BSD-3-Clause
// The store's database file: what is in it, how it is made, and what is checked before it is
// trusted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "server/store/sqlite/database.hpp"

namespace gman::sqlite {

/// In the file's header, so that `file` and we know whose it is: "GMAN".
inline constexpr std::int64_t application_id = 0x474D414E;
/// Counts up with each change of the schema or of the checksum.
inline constexpr std::int64_t schema_version = 1;
/// SQLite's smallest page.
inline constexpr std::int64_t file_bytes_min = 512;

/// An empty one, synced but for its name. SQLite's log comes with its first opening.
// Requires: none there.
[[nodiscard]] std::optional<StoreFault> make_database_file(const std::string& path,
                                                           const std::string& vfs = {});

/// Is it a store, of this version?
[[nodiscard]] std::optional<StoreFault> check_header(Database& database);

/// For who goes through all of it and changes nothing, while nobody else does: `vfs`, or a quicker
/// way than the system's own.
[[nodiscard]] std::string vfs_to_read_all(const std::string& vfs);

/// Opens the file and makes it one when there is none. Damaged or refused: it is as it was.
// Requires: the lock on it (lock_file.hpp).
[[nodiscard]] std::optional<StoreFault> open_database_file(Database& database);

}  // namespace gman::sqlite
