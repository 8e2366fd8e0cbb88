// SPDX-License-Identifier: BSD-3-Clause
#include "server/store/sqlite/large_reads.hpp"

#include <sqlite3.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <new>

#include "server/store/sqlite/own_vfs.hpp"

namespace gman::sqlite {
namespace {

constexpr sqlite3_int64 piece_bytes = sqlite3_int64{1} << 16;
/// Less than this is no page, and may have changed: the counter in the first one, for example.
constexpr int page_bytes_min = 512;

struct Piece {
  sqlite3_io_methods methods;  ///< SQLite's own, but for two of them
  const sqlite3_io_methods* own;
  sqlite3_int64 at;  ///< -1: there is none
  std::array<char, piece_bytes> bytes;
};

/// Lies behind SQLite's own file in the memory that SQLite provides, aligned as for pointers.
struct Behind {
  Piece* piece;
};

Piece*& piece_of(sqlite3_file* file) {
  return reinterpret_cast<Behind*>(reinterpret_cast<char*>(file) + own_vfs()->szOsFile)->piece;
}

int read(sqlite3_file* file, void* data, int size, sqlite3_int64 at) {
  Piece& piece = *piece_of(file);
  const sqlite3_int64 begin = at - at % piece_bytes;
  if (size < page_bytes_min || at + size > begin + piece_bytes) {
    return piece.own->xRead(file, data, size, at);
  }
  if (piece.at != begin) {
    piece.at = -1;
    // Of what is cut short by the end of the file, or damaged in another place, the page itself.
    if (piece.own->xRead(file, piece.bytes.data(), static_cast<int>(piece_bytes), begin) !=
        SQLITE_OK) {
      return piece.own->xRead(file, data, size, at);
    }
    piece.at = begin;
  }
  std::memcpy(data, piece.bytes.data() + (at - begin), static_cast<std::size_t>(size));
  return SQLITE_OK;
}

int close(sqlite3_file* file) {
  Piece* const piece = piece_of(file);
  file->pMethods = piece->own;
  delete piece;
  return file->pMethods->xClose(file);
}

int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* flags_out) {
  const int code = own_vfs()->xOpen(own_vfs(), name, file, flags, flags_out);
  if (code != SQLITE_OK || (flags & SQLITE_OPEN_MAIN_DB) == 0) return code;
  // Without memory for it, pages are read one by one.
  auto* const piece = new (std::nothrow) Piece;
  if (piece == nullptr) return SQLITE_OK;
  piece->own = file->pMethods;
  piece->methods = *file->pMethods;
  piece->methods.xRead = read;
  piece->methods.xClose = close;
  piece->at = -1;
  piece_of(file) = piece;
  file->pMethods = &piece->methods;
  return SQLITE_OK;
}

}  // namespace

const char* large_reads() {
  static const char* const name = make_vfs("gman-large-reads", sizeof(Behind), open);
  return name;
}

}  // namespace gman::sqlite
