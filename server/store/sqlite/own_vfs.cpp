// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/sqlite/own_vfs.hpp"

namespace gman::sqlite {

sqlite3_vfs* own_vfs() {
  static sqlite3_vfs* const own = sqlite3_vfs_find(nullptr);
  return own;
}

const char* make_vfs(const char* name, std::size_t more_bytes, OpenFile* open) {
  if (own_vfs() == nullptr) return nullptr;
  auto& vfs = *new sqlite3_vfs(*own_vfs());
  vfs.zName = name;
  vfs.pNext = nullptr;
  vfs.szOsFile = own_vfs()->szOsFile + static_cast<int>(more_bytes);
  vfs.xOpen = open;
  return sqlite3_vfs_register(&vfs, 0) == SQLITE_OK ? name : nullptr;
}

}  // namespace gman::sqlite
