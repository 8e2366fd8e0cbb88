// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/sqlite/joined_writes.hpp"

#include <sqlite3.h>

#include <cstddef>
#include <new>
#include <string>

#include "server/store/sqlite/own_vfs.hpp"

namespace gman::sqlite {
namespace {

/// SQLite's own writes take no more at once: they count in 17 bits.
constexpr std::size_t kept_back_max = (std::size_t{1} << 17) - 1;

struct KeptBack {
  std::string bytes;
  sqlite3_int64 at = 0;
};

/// SQLite's own file lies behind it in the memory that SQLite provides, aligned as for pointers.
struct LogFile {
  sqlite3_file base;
  KeptBack* kept_back;
};

sqlite3_file* own(LogFile* file) {
  return reinterpret_cast<sqlite3_file*>(file + 1);
}

/// What cannot be written is dropped: SQLite is told, and that commit has failed.
int write_kept_back(LogFile* file) {
  std::string& bytes = file->kept_back->bytes;
  if (bytes.empty()) return SQLITE_OK;
  sqlite3_file* const log = own(file);
  const int code =
      log->pMethods->xWrite(log, bytes.data(), static_cast<int>(bytes.size()), file->kept_back->at);
  bytes.clear();
  return code;
}

int write(sqlite3_file* base, const void* data, int size, sqlite3_int64 at) {
  auto* const file = reinterpret_cast<LogFile*>(base);
  KeptBack& kept = *file->kept_back;
  const auto count = static_cast<std::size_t>(size);
  const bool is_next = kept.at + static_cast<sqlite3_int64>(kept.bytes.size()) == at;
  if (!is_next || kept.bytes.size() + count > kept_back_max) {
    if (const int code = write_kept_back(file); code != SQLITE_OK) return code;
  }
  if (count > kept_back_max) return own(file)->pMethods->xWrite(own(file), data, size, at);
  if (kept.bytes.empty()) kept.at = at;
  kept.bytes.append(static_cast<const char*>(data), count);
  return SQLITE_OK;
}

/// The other methods: SQLite's own, once what is kept back is written.
template <auto method>
struct Then;
template <typename... Args, int (*sqlite3_io_methods::*method)(sqlite3_file*, Args...)>
struct Then<method> {
  static int call(sqlite3_file* base, Args... args) {
    auto* const file = reinterpret_cast<LogFile*>(base);
    if (const int code = write_kept_back(file); code != SQLITE_OK) return code;
    return (own(file)->pMethods->*method)(own(file), args...);
  }
};

int close(sqlite3_file* base) {
  auto* const file = reinterpret_cast<LogFile*>(base);
  const int written = write_kept_back(file);
  delete file->kept_back;
  const int closed = own(file)->pMethods->xClose(own(file));
  return written == SQLITE_OK ? closed : written;
}

using Methods = sqlite3_io_methods;
constexpr Methods log_methods{
    .iVersion = 1,
    .xClose = close,
    .xRead = Then<&Methods::xRead>::call,
    .xWrite = write,
    .xTruncate = Then<&Methods::xTruncate>::call,
    .xSync = Then<&Methods::xSync>::call,
    .xFileSize = Then<&Methods::xFileSize>::call,
    .xLock = Then<&Methods::xLock>::call,
    .xUnlock = Then<&Methods::xUnlock>::call,
    .xCheckReservedLock = Then<&Methods::xCheckReservedLock>::call,
    .xFileControl = Then<&Methods::xFileControl>::call,
    .xSectorSize = Then<&Methods::xSectorSize>::call,
    .xDeviceCharacteristics = Then<&Methods::xDeviceCharacteristics>::call,
    .xShmMap = nullptr,
    .xShmLock = nullptr,
    .xShmBarrier = nullptr,
    .xShmUnmap = nullptr,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

int open(sqlite3_vfs*, const char* name, sqlite3_file* base, int flags, int* flags_out) {
  if ((flags & SQLITE_OPEN_WAL) == 0)
    return own_vfs()->xOpen(own_vfs(), name, base, flags, flags_out);
  auto* const file = reinterpret_cast<LogFile*>(base);
  base->pMethods = nullptr;
  own(file)->pMethods = nullptr;
  const int code = own_vfs()->xOpen(own_vfs(), name, own(file), flags, flags_out);
  file->kept_back = code == SQLITE_OK ? new (std::nothrow) KeptBack : nullptr;
  if (file->kept_back == nullptr) {
    if (own(file)->pMethods != nullptr) own(file)->pMethods->xClose(own(file));
    return code == SQLITE_OK ? SQLITE_NOMEM : code;
  }
  base->pMethods = &log_methods;
  return SQLITE_OK;
}

}  // namespace

const char* joined_writes() {
  static const char* const name = make_vfs("gman", sizeof(LogFile), open);
  return name;
}

}  // namespace gman::sqlite
