// SPDX-License-Identifier: BSD-3-Clause
// What a store does to files beside what SQLite does, and what its failures mean.
#pragma once

#include <optional>
#include <string>

#include "server/store/store.hpp"

namespace gman::sqlite {

/// Of the call before, by errno.
[[nodiscard]] StoreFault system_fault(const std::string& path, const std::string& doing);

/// Until the directory is on the disk, a new name in it is not.
[[nodiscard]] std::optional<StoreFault> sync_directory_of(const std::string& path);

[[nodiscard]] bool is_there(const std::string& path);
/// Also when it is not there.
[[nodiscard]] std::optional<StoreFault> remove_file(const std::string& path);
[[nodiscard]] std::optional<StoreFault> rename_file(const std::string& from, const std::string& to);

}  // namespace gman::sqlite
